package process

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/fetch"
	"github.com/stagedoor/stagedoor/internal/yamlx"
)

// What one entity may include.
const (
	maxIncludedFiles = 200
	maxIncludedBytes = 32 << 20
)

// placeholderKeys are the keys that stand for the content of another file.
var placeholderKeys = []string{"$text", "$json", "$yaml"}

// includer replaces the placeholders of one entity. The result is not looked
// at again: an included text stays as it is.
type includer struct {
	p      *Pipeline
	at     catalog.Location
	origin catalog.Location
	note   func(refreshKey string)
	seen   map[string][]byte
	bytes  int
}

// include replaces the placeholders in e in place.
func (p *Pipeline) include(ctx context.Context, e catalog.Entity, r *run) error {
	if !hasDollar(map[string]any(e)) {
		return nil
	}
	in := &includer{p: p, at: r.at, origin: r.origin, note: r.RefreshKey, seen: map[string][]byte{}}
	return in.object(ctx, e)
}

// hasDollar is a quick look whether there is anything to do.
func hasDollar(v any) bool {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			if strings.HasPrefix(key, "$") || hasDollar(value) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(v, hasDollar)
	}
	return false
}

// object goes through the values by key, so that the first error is always the
// same one.
func (in *includer) object(ctx context.Context, m map[string]any) error {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		value, err := in.value(ctx, m[key])
		if err != nil {
			return err
		}
		m[key] = value
	}
	return nil
}

func (in *includer) value(ctx context.Context, v any) (any, error) {
	switch v := v.(type) {
	case []any:
		for i := range v {
			value, err := in.value(ctx, v[i])
			if err != nil {
				return nil, err
			}
			v[i] = value
		}
	case map[string]any:
		key, dollar := "", false
		for k := range v {
			key = k
			dollar = dollar || strings.HasPrefix(k, "$")
		}
		if !dollar {
			return v, in.object(ctx, v)
		}
		// An object with further keys, an unknown key or another value, such as
		// {$ref: …}, means something else: it and all below it stay.
		ref, isText := v[key].(string)
		if len(v) == 1 && isText && slices.Contains(placeholderKeys, key) {
			return in.resolve(ctx, key, ref)
		}
	}
	return v, nil
}

func (in *includer) resolve(ctx context.Context, key, ref string) (any, error) {
	data, err := in.read(ctx, key, ref)
	if err != nil {
		return nil, err
	}
	switch key {
	case "$json":
		var v any
		if err := json.Unmarshal(data, &v); err != nil {
			return nil, plainError(fmt.Sprintf("Placeholder %s failed to parse JSON data at %s, SyntaxError: %v", key, ref, err), nil)
		}
		return v, nil
	case "$yaml":
		docs := yamlx.Parse(data, yamlx.Options{File: ref})
		if len(docs) != 1 {
			return nil, plainError(fmt.Sprintf("Placeholder %s expected to find exactly one document of data at %s, found %d", key, ref, len(docs)), nil)
		}
		if docs[0].Err != nil {
			return nil, plainError(fmt.Sprintf("Placeholder %s found an error in the data at %s, %v", key, ref, docs[0].Err), nil)
		}
		return docs[0].Value, nil
	}
	return strings.ToValidUTF8(string(data), "\uFFFD"), nil
}

// read finds the file and reads it, once per entity.
func (in *includer) read(ctx context.Context, key, ref string) ([]byte, error) {
	var target string
	var load func() ([]byte, error)
	var err error
	if in.at.Type == "file" && !in.p.strict {
		target, load, err = in.local(key, ref)
	} else {
		target, load, err = in.remote(ctx, key, ref)
	}
	if err != nil {
		return nil, err
	}
	if data, ok := in.seen[target]; ok {
		return data, nil
	}
	in.note(target)
	if len(in.seen) >= maxIncludedFiles {
		return nil, plainError(fmt.Sprintf("Placeholder %s could not read location %s, the entity includes more than %d files", key, ref, maxIncludedFiles), nil)
	}
	data, err := load()
	if err != nil {
		_, plain, _ := strings.Cut(target, ":")
		return nil, plainError(fmt.Sprintf("Placeholder %s could not read location %s, %s: %v", key, plain, nameOf(err), err), err)
	}
	if in.bytes += len(data); in.bytes > maxIncludedBytes {
		return nil, plainError(fmt.Sprintf("Placeholder %s could not read location %s, the entity includes more than %d MB", key, ref, maxIncludedBytes>>20), nil)
	}
	in.seen[target] = data
	return data, nil
}

// remote resolves a reference of an entity that stands behind a URL. The file
// must be in the same repository, or on the same host where there is none:
// else an entity could publish what the portal's credentials can read.
func (in *includer) remote(ctx context.Context, key, ref string) (string, func() ([]byte, error), error) {
	target, err := resolveURL(in.p.reader, ref, in.at.Target)
	if err != nil || in.p.reader == nil || in.at.Type != "url" {
		return "", nil, plainError(fmt.Sprintf("Placeholder %s could not form a URL out of %s and %s, TypeError: Invalid URL", key, in.at.Target, ref), nil)
	}
	if !sameRepository(in.p.reader, in.at.Target, target) {
		return "", nil, plainError(fmt.Sprintf("Placeholder %s may not read %s, which is not in the same repository as %s", key, target, in.at.Target), nil)
	}
	return "url:" + target, func() ([]byte, error) {
		file, err := in.p.reader.Read(ctx, target, fetch.Options{})
		return file.Data, err
	}, nil
}

// local resolves a reference of an entity that stands in a local file. The
// file must be below the folder of the location at the root.
func (in *includer) local(key, ref string) (string, func() ([]byte, error), error) {
	if u, err := url.Parse(ref); err == nil && len(u.Scheme) > 1 {
		return "", nil, plainError(fmt.Sprintf("Placeholder %s may not read %s: an entity in a local file can include local files only", key, ref), nil)
	}
	target := filepath.FromSlash(ref)
	if !filepath.IsAbs(target) {
		target = filepath.Join(filepath.Dir(in.at.Target), target)
	}
	target = filepath.Clean(target)
	root := filepath.Dir(in.at.Target)
	if in.origin.Type == "file" {
		if base := fetch.BaseOf(in.origin.Target); isBelow(base, in.at.Target) {
			root = base
		}
	}
	if !isBelow(root, target) {
		return "", nil, plainError(fmt.Sprintf("Placeholder %s may not read %s, which is not below the folder %s of the location", key, target, root), nil)
	}
	return "file:" + target, func() ([]byte, error) {
		file, err := in.p.files.Read(target, root)
		return file.Data, err
	}, nil
}

func isBelow(folder, name string) bool {
	rel, err := filepath.Rel(folder, name)
	return err == nil && filepath.IsLocal(rel)
}

// sameRepository compares the repositories of two URLs as the integrations
// know them, or their hosts where there is no integration.
func sameRepository(reader URLReader, a, b string) bool {
	ia, okA := reader.Describe(a)
	ib, okB := reader.Describe(b)
	if okA != okB {
		return false
	}
	if okA && ia.RepoURL != "" {
		return strings.EqualFold(ia.RepoURL, ib.RepoURL)
	}
	ua, errA := url.Parse(a)
	ub, errB := url.Parse(b)
	return errA == nil && errB == nil && ua.Scheme == ub.Scheme && strings.EqualFold(ua.Host, ub.Host)
}

// isGone reports whether the error says that the thing is not there.
func isGone(err error) bool { return fault.Is(err, fault.NotFound) }
