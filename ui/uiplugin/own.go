package uiplugin

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io/fs"
	"net/http"
	"net/url"
	"strings"

	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// The markers of the page and the cookies of the front-end; ui/README.md
// describes both.
const (
	rootMarker     = "data-stagedoor"
	headMarker     = "<!--stagedoor:head-->"
	bodyMarker     = "<!--stagedoor:body-->"
	nameMarker     = "<!--stagedoor:name-->"
	themeCookie    = "stagedoor-theme"
	providerCookie = "stagedoor-provider"
)

// consentPath begins the addresses of pages that stand alone, without the
// frame of the portal.
const consentPath = "/oauth2/"

// firstQueriesFile names, by path of a page, the queries that the page makes
// first. The build of the front-end writes it.
const firstQueriesFile = "first-queries.json"

// maxInjected bounds the data in a page: a larger answer is fetched by the
// front-end as usual, after its first paint.
const maxInjected = 256 << 10

// Grant is a session, as the front-end takes it.
type Grant struct {
	Token     string   `json:"token"`
	Expires   int64    `json:"expiresInSeconds"`
	Provider  string   `json:"provider"`
	UserRef   string   `json:"userEntityRef"`
	Ownership []string `json:"ownershipEntityRefs"`
	Profile   any      `json:"profile,omitempty"`
}

// firstQuery is one query of a page: the key under which the front-end looks
// for the answer, and the GET that gives it.
type firstQuery struct {
	Key []any  `json:"key"`
	Get string `json:"get"`
}

// boot is what the server writes into the page.
type boot struct {
	Config   bootConfig     `json:"config"`
	Identity *Grant         `json:"identity,omitempty"`
	Seq      int64          `json:"seq,omitempty"`
	Queries  []answeredBoot `json:"queries,omitempty"`
}

type bootConfig struct {
	App struct {
		Title   string `json:"title"`
		BaseURL string `json:"baseUrl"`
	} `json:"app"`
	Organization struct {
		Name string `json:"name,omitempty"`
	} `json:"organization"`
	Providers    []bootProvider    `json:"providers"`
	Environment  string            `json:"environment"`
	RedirectFlow bool              `json:"redirectFlow,omitempty"`
	Version      map[string]string `json:"version"`
}

type answeredBoot struct {
	Key  []any           `json:"key"`
	Data json.RawMessage `json:"data"`
}

// ownPage renders the portal's own page for the request: theme, public
// configuration, session and first data are in it, so that the front-end has
// nothing to ask before it shows something.
func (u *UI) ownPage(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	page, err := fs.ReadFile(u.deps.Files, "index.html")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(fault.NotFound, "The front-end is not part of this binary: run make build")
	}
	if err != nil {
		return nil, fmt.Errorf("read page: %w", err)
	}
	b, who, expected := u.boot(w, r)
	attributes := rootMarker
	if c, err := r.Cookie(themeCookie); err == nil && (c.Value == "light" || c.Value == "dark") {
		attributes += ` data-theme="` + c.Value + `"`
	}
	switch {
	case !expected, strings.HasPrefix(r.URL.Path, consentPath):
		attributes += ` data-page="sign-in"`
	case r.URL.Path == "/" || r.URL.Path == "/catalog":
		attributes += ` data-page="catalog"`
	}
	if b.Identity != nil {
		if u.deps.Seq != nil {
			b.Seq = u.deps.Seq() // before the answers: rather too old than too new
		}
		b.Queries = u.answer(r.Context(), who, r.URL)
	}
	raw, err := json.Marshal(b) // escapes what could end the script element
	if err != nil {
		return nil, fmt.Errorf("encode page data: %w", err)
	}
	page = bytes.Replace(page, []byte(rootMarker), []byte(attributes), 1)
	page = bytes.Replace(page, []byte(headMarker), append(append([]byte(`<script type="application/json" id="stagedoor-boot">`), raw...), "</script>"...), 1)
	page = bytes.Replace(page, []byte(bodyMarker), nil, 1)
	name := cmp.Or(b.Config.Organization.Name, b.Config.App.Title)
	page = bytes.Replace(page, []byte(nameMarker), []byte(html.EscapeString(name)), 1)
	return bytes.Replace(page, []byte("<title>Stagedoor</title>"), []byte("<title>"+html.EscapeString(b.Config.App.Title)+"</title>"), 1), nil
}

// boot collects what does not depend on the page, who asks for it, and whether
// the visitor is expected to be signed in: either by the page itself or soon,
// by a provider that was chosen before and that the front-end has to ask.
func (u *UI) boot(w http.ResponseWriter, r *http.Request) (b boot, who identity.Principal, expected bool) {
	config := u.deps.Frontend()
	b.Config.App.Title = text(config, "app", "title", "Stagedoor")
	b.Config.App.BaseURL = text(config, "app", "baseUrl", "")
	b.Config.Organization.Name = text(config, "organization", "name", "")
	b.Config.Version = map[string]string{"version": u.deps.Version}
	b.Config.Environment = text(config, "auth", "environment", "development")
	b.Config.RedirectFlow, _ = config["enableExperimentalRedirectFlow"].(bool)
	chosen := ""
	if c, err := r.Cookie(providerCookie); err == nil {
		chosen = c.Value
	}
	b.Config.Providers = shownProviders(u.deps.Providers(), config)
	for _, p := range b.Config.Providers {
		// A provider that was chosen before and needs no interaction signs the
		// visitor in again, exactly as the front-end would ask it to. A gateway
		// need not be chosen: whoever comes through it is signed in, unless the
		// visitor left on purpose.
		if p.ID != chosen && (chosen != "" || !p.Silent || p.ID == guest) {
			continue
		}
		if !p.Silent {
			return b, who, true
		}
		if grant, err := u.deps.SignIn(w, r, p.ID); err == nil {
			b.Identity = &grant
			who = identity.Principal{Kind: identity.User, Subject: grant.UserRef, Ownership: grant.Ownership, Token: grant.Token}
			return b, who, true
		}
	}
	return b, who, false
}

// answer runs the first queries of the page. A query that cannot be answered
// is left to the front-end.
func (u *UI) answer(ctx context.Context, who identity.Principal, at *url.URL) []answeredBoot {
	var out []answeredBoot
	for _, q := range u.firstQueries(at) {
		if data := u.deps.Prefetch(ctx, who, q.Get); data != nil && len(data) <= maxInjected {
			out = append(out, answeredBoot{q.Key, data})
		}
	}
	return out
}

// firstQueries are those that the build lists for the page, and the entity of
// an entity page. State in the address changes what a list page asks for, so
// such pages ask for themselves.
func (u *UI) firstQueries(at *url.URL) []firstQuery {
	if parts := strings.Split(strings.Trim(at.Path, "/"), "/"); len(parts) >= 4 && parts[0] == "catalog" {
		ns, kind, name := strings.ToLower(parts[1]), strings.ToLower(parts[2]), strings.ToLower(parts[3])
		return []firstQuery{{
			Key: []any{"entity", kind + ":" + ns + "/" + name},
			Get: "/api/catalog/entities/by-name/" + url.PathEscape(kind) + "/" + url.PathEscape(ns) + "/" + url.PathEscape(name),
		}}
	}
	if at.RawQuery != "" {
		return nil
	}
	u.once.Do(func() {
		raw, err := fs.ReadFile(u.deps.Files, firstQueriesFile)
		if err == nil {
			err = json.Unmarshal(raw, &u.first)
		}
		if err != nil {
			u.first = nil // an older build: it asks for itself
		}
	})
	if at.Path == "/" {
		return u.first["/catalog"]
	}
	return u.first[at.Path]
}

func text(config map[string]any, section, key, otherwise string) string {
	object, _ := config[section].(map[string]any)
	if s, ok := object[key].(string); ok && s != "" {
		return s
	}
	return otherwise
}
