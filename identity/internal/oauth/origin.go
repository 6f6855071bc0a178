package oauth

import (
	"net/url"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/httpx"
)

// Origins are those that may start a sign-in and get its answer.
type Origins struct {
	app      string
	allowed  []string
	patterns []string
}

// NewOrigins returns the origins of the app and of the back end, and those
// that match one of the patterns: origins in which * stands for anything but a
// slash, ** and {a,b} work as in file names. A pattern that matches every
// origin is left out, because the answer of a sign-in is a credential. It
// returns an error with code invalid for a broken URL or pattern.
func NewOrigins(appURL, backendURL string, patterns ...string) (*Origins, error) {
	o := &Origins{}
	for key, text := range map[string]string{"app.baseUrl": appURL, "backend.baseUrl": backendURL} {
		if text == "" {
			continue
		}
		u, err := url.Parse(text)
		if err != nil {
			return nil, fault.Newf(fault.Invalid, "%s: expected an http or https URL, found %q", key, text)
		}
		origin, ok := httpx.OriginOf(u)
		if !ok {
			return nil, fault.Newf(fault.Invalid, "%s: expected an http or https URL, found %q", key, text)
		}
		if key == "app.baseUrl" {
			o.app = origin
		}
		o.allowed = append(o.allowed, origin)
	}
	if o.app == "" && len(o.allowed) > 0 {
		o.app = o.allowed[0]
	}
	for _, p := range patterns {
		p = strings.ToLower(strings.TrimSuffix(p, "/"))
		if !doublestar.ValidatePattern(p) {
			return nil, fault.Newf(fault.Invalid, "%q is not a pattern of origins", p)
		}
		_, host, _ := strings.Cut(p, "://")
		if strings.Trim(host, "*?:.,{}[]") != "" {
			o.patterns = append(o.patterns, p)
		}
	}
	return o, nil
}

// allows reports whether the origin, as browsers write it, may use sign-in.
func (o *Origins) allows(origin string) bool {
	return slices.Contains(o.allowed, origin) || slices.ContainsFunc(o.patterns, func(p string) bool {
		ok, err := doublestar.Match(p, origin)
		return err == nil && ok
	})
}

// origin checks what a request says about where it comes from; nothing stands
// for the app.
func (o *Origins) origin(text string) (string, error) {
	if text == "" {
		return o.app, nil
	}
	u, err := url.Parse(text)
	if err != nil {
		return "", fault.New(fault.Invalid, "App origin is invalid, failed to parse")
	}
	origin, ok := httpx.OriginOf(u)
	if !ok {
		return "", fault.New(fault.Invalid, "App origin is invalid, failed to parse")
	}
	if !o.allows(origin) {
		return "", fault.Newf(fault.Forbidden, "Origin '%s' is not allowed", origin)
	}
	return origin, nil
}

// target checks where a sign-in of the redirect flow ends. A path is one of
// the app.
func (o *Origins) target(text string) (*url.URL, error) {
	if text == "" {
		return nil, fault.New(fault.Invalid, "No redirectUrl provided in request query parameters")
	}
	allowed := o.allowed
	if u, err := url.Parse(text); err == nil {
		if origin, ok := httpx.OriginOf(u); ok && o.allows(origin) {
			allowed = append(slices.Clone(allowed), origin)
		}
	}
	safe, err := httpx.SafeRedirect(allowed, text)
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(safe, "/") {
		safe = o.app + safe
	}
	u, err := url.Parse(safe)
	if err != nil {
		return nil, fault.New(fault.Invalid, "redirectUrl is invalid, failed to parse")
	}
	return u, nil
}
