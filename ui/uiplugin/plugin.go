// Package uiplugin serves the front-end: the portal's own, or any build that
// speaks the same API, such as a stock Backstage front-end.
//
// What: the page for every path that is no file, with the public configuration
// and, for the portal's own front-end, identity and first data written into
// it; the files of the build with the right caching.
//
// What not: it knows no page of the front-end and asks no data of its own; the
// portal hands it a function that answers REST calls for the visitor.
//
// Start reading at [New] and [UI.ServeHTTP].
package uiplugin

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/internal/httpx"
	"github.com/stagedoor/stagedoor/plugin"
)

// Deps are what the front-end needs.
type Deps struct {
	// Files is the build: index.html and the files it names.
	Files fs.FS
	// Stock says that the build is not the portal's own, and is served the way
	// a Backstage back end serves it.
	Stock bool
	// Frontend returns the configuration that the front-end may see.
	Frontend func() map[string]any
	// Providers returns the ids of the sign-in providers.
	Providers func() []string
	// SignIn signs the visitor in with the provider, without interaction.
	SignIn func(w http.ResponseWriter, r *http.Request, provider string) (Grant, error)
	// Prefetch answers GET <path> of the REST API as the principal, or nil.
	Prefetch func(ctx context.Context, p identity.Principal, path string) json.RawMessage
	// Seq is the number of the last change that answers can tell of, so that
	// the front-end knows from where on it must follow the changes. May be nil.
	Seq func() int64
	// Version is shown to people.
	Version string
}

// UI is the front-end capability. It implements plugin.Plugin for the routes
// below /api/app, and http.Handler for everything outside /api.
type UI struct {
	deps   Deps
	assets *httpx.Assets

	once  sync.Once
	first map[string][]firstQuery
}

// New returns the capability.
func New(d Deps) *UI { return &UI{deps: d, assets: httpx.NewAssets(d.Files)} }

// ID is "app".
func (*UI) ID() string { return "app" }

// Init has nothing to register: the shared cookie route is all that
// /api/app has.
func (*UI) Init(context.Context, *plugin.Host) error { return nil }

// ServeHTTP answers what is neither API nor health check: a file of the build,
// 404 for a missing one below /static and /assets, and the page for any other
// path, whatever the client says it accepts.
func (u *UI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(path.Clean(r.URL.Path), "/")
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.WriteHeader(http.StatusNotFound)
	case u.isFile(name):
		if err := u.assets.Serve(w, r, name); err != nil {
			httpx.WriteError(w, r, err)
		}
	case strings.HasPrefix(name, "static/"), strings.HasPrefix(name, "assets/"):
		w.WriteHeader(http.StatusNotFound)
	default:
		u.page(w, r)
	}
}

// isFile reports whether the name is a file that visitors may have. Hidden
// files and the page's own source are not.
func (u *UI) isFile(name string) bool {
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || strings.HasPrefix(part, ".") {
			return false
		}
	}
	return name != "index.html" && name != "index.html.tmpl" && u.assets.Has(name)
}

func (u *UI) page(w http.ResponseWriter, r *http.Request) {
	var (
		body []byte
		err  error
	)
	if u.deps.Stock {
		body, err = u.stockPage()
	} else {
		body, err = u.ownPage(w, r)
	}
	if err != nil {
		httpx.WriteError(w, r, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store, max-age=0")
	h.Set("X-Frame-Options", "DENY")
	if isConsent(r.URL.Path) {
		forbidFrames(h)
	}
	if u.deps.Stock {
		tag := httpx.ETag(body)
		h.Set("ETag", tag)
		if httpx.Fresh(r, tag) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	} else {
		// A nonce is for one answer, so this one has no tag to be found again by.
		httpx.DocumentHeaders(h)
		body = withNonce(body, httpx.NonceCSP(h, "script-src"))
	}
	if r.Method == http.MethodHead {
		return
	}
	_, _ = w.Write(body) // a visitor who left is nobody's error
}

// withNonce marks the scripts of the page as its own, and tells the nonce to
// those that add elements while they run. Browsers hide it from everybody else.
func withNonce(page []byte, nonce string) []byte {
	page = bytes.ReplaceAll(page, []byte(`<script type="module"`), []byte(`<script nonce="`+nonce+`" type="module"`))
	return bytes.Replace(page, []byte("</head>"), []byte(`<meta property="csp-nonce" nonce="`+nonce+`"></head>`), 1)
}

// isConsent reports whether the front-end shows the consent page at the path,
// for which case and further slashes do not matter.
func isConsent(path string) bool {
	return strings.HasPrefix("/"+strings.TrimLeft(strings.ToLower(path), "/"), consentPath)
}

// forbidFrames takes the page out of all frames, whatever the configuration
// allows the others: a click on it gives a program the visitor's rights.
func forbidFrames(h http.Header) {
	const header, directive = "Content-Security-Policy", "frame-ancestors"
	parts := slices.DeleteFunc(strings.Split(h.Get(header), ";"), func(part string) bool {
		name, _, _ := strings.Cut(strings.TrimSpace(part), " ")
		return name == "" || strings.EqualFold(name, directive)
	})
	h.Set(header, strings.Join(append(parts, directive+" 'none'"), ";"))
}

var _ plugin.Plugin = (*UI)(nil)
