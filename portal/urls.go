package portal

import (
	"context"
	"net/url"

	"github.com/stagedoor/stagedoor/internal/fetch"
	"github.com/stagedoor/stagedoor/plugin"
)

// urls gives plugins the URL reader. The ground floor and the contract have
// each their own types of the same shape, so that neither imports the other.
type urls struct{ reader *fetch.Reader }

// Reader implements plugin.URLs.
func (u urls) Reader() plugin.URLReader { return urlReader(u) }

// Add implements plugin.URLs.
func (u urls) Add(h plugin.URLHost) { u.reader.Add(urlHost{h}) }

type urlReader struct{ reader *fetch.Reader }

func (u urlReader) Read(ctx context.Context, target string, o plugin.ReadOptions) (plugin.File, error) {
	f, err := u.reader.Read(ctx, target, fetch.Options(o))
	return plugin.File(f), err
}

func (u urlReader) Tree(ctx context.Context, target string, o plugin.ReadOptions) (plugin.Tree, error) {
	t, err := u.reader.Tree(ctx, target, fetch.Options(o))
	return plugin.Tree(t), err
}

func (u urlReader) Search(ctx context.Context, target string, o plugin.ReadOptions) ([]plugin.File, error) {
	files, err := u.reader.Search(ctx, target, fetch.Options(o))
	return mapped(files, func(f fetch.File) plugin.File { return plugin.File(f) }), err
}

func (u urlReader) Describe(target string) (plugin.URLInfo, bool) {
	i, ok := u.reader.Describe(target)
	return plugin.URLInfo(i), ok
}

type urlHost struct{ plugin.URLHost }

func (h urlHost) Describe(u *url.URL) fetch.Info { return fetch.Info(h.URLHost.Describe(u)) }

func (h urlHost) Read(ctx context.Context, u *url.URL, o fetch.Options) (fetch.File, error) {
	f, err := h.URLHost.Read(ctx, u, plugin.ReadOptions(o))
	return fetch.File(f), err
}

func (h urlHost) Tree(ctx context.Context, u *url.URL, o fetch.Options) (fetch.Tree, error) {
	t, err := h.URLHost.Tree(ctx, u, plugin.ReadOptions(o))
	return fetch.Tree(t), err
}

func (h urlHost) Search(ctx context.Context, u *url.URL, o fetch.Options) ([]fetch.File, error) {
	files, err := h.URLHost.Search(ctx, u, plugin.ReadOptions(o))
	return mapped(files, func(f plugin.File) fetch.File { return fetch.File(f) }), err
}

func mapped[A, B any](in []A, fn func(A) B) []B {
	if in == nil {
		return nil
	}
	out := make([]B, len(in))
	for i, v := range in {
		out[i] = fn(v)
	}
	return out
}
