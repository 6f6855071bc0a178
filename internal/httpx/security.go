package httpx

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/internal/fault"
)

// Directive is one part of the content security policy. No sources stand for
// a directive without value, such as upgrade-insecure-requests; Off removes
// the directive.
type Directive struct {
	Name    string
	Sources []string
	Off     bool
}

// defaultPolicy is what a portal needs when nothing is configured.
func defaultPolicy() []Directive {
	self := []string{"'self'"}
	return []Directive{
		{Name: "default-src", Sources: self},
		{Name: "base-uri", Sources: self},
		{Name: "font-src", Sources: []string{"'self'", "https:", "data:"}},
		{Name: "frame-ancestors", Sources: self},
		{Name: "img-src", Sources: []string{"'self'", "data:"}},
		{Name: "object-src", Sources: []string{"'none'"}},
		{Name: "script-src", Sources: []string{"'self'", "'unsafe-eval'"}},
		{Name: "script-src-attr", Sources: []string{"'none'"}},
		{Name: "style-src", Sources: []string{"'self'", "https:", "'unsafe-inline'"}},
		{Name: "upgrade-insecure-requests"},
	}
}

// ContentSecurityPolicy renders the default policy with the given directives
// in place of, or behind, its own.
func ContentSecurityPolicy(overrides []Directive) string {
	policy := defaultPolicy()
	for _, o := range overrides {
		i := slices.IndexFunc(policy, func(d Directive) bool { return d.Name == o.Name })
		switch {
		case i < 0:
			policy = append(policy, o)
		default:
			policy[i] = o
		}
	}
	parts := make([]string, 0, len(policy))
	for _, d := range policy {
		if !d.Off {
			parts = append(parts, strings.Join(append([]string{d.Name}, d.Sources...), " "))
		}
	}
	return strings.Join(parts, ";")
}

// ParseCSP reads the configuration key backend.csp: a list of sources, one
// source, or false for every directive. Its order is that of the names.
func ParseCSP(config map[string]any) ([]Directive, error) {
	names := make([]string, 0, len(config))
	for name := range config {
		names = append(names, name)
	}
	slices.Sort(names)
	var out []Directive
	for _, name := range names {
		d := Directive{Name: name}
		switch v := config[name].(type) {
		case bool:
			d.Off = !v
		case string:
			d.Sources = []string{v}
		case []any:
			for _, s := range v {
				text, ok := s.(string)
				if !ok {
					return nil, fault.Newf(fault.Invalid, "backend.csp.%s: expected a list of strings, found %v", name, s)
				}
				d.Sources = append(d.Sources, text)
			}
		default:
			return nil, fault.Newf(fault.Invalid, "backend.csp.%s: expected a list of sources or false, found %s", name, fmt.Sprintf("%T", v))
		}
		for _, s := range d.Sources {
			if strings.ContainsAny(s, ";,\r\n") {
				return nil, fault.Newf(fault.Invalid, "backend.csp.%s: %q is not a source", name, s)
			}
		}
		out = append(out, d)
	}
	return out, nil
}

// DocumentHeaders sets what holds for pages beyond what every answer has. Other
// sites that open the page get no handle on it, while the windows that it opens
// itself, such as for signing in, can still talk to it; and no script on it,
// whoever it belongs to, gets at devices.
func DocumentHeaders(h http.Header) {
	h.Set("Cross-Origin-Opener-Policy", "same-origin-allow-popups")
	h.Set("Permissions-Policy", "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), serial=(), usb=()")
}

// securityHeaders are set on every answer; handlers may replace them. The
// value slices are shared by all answers and never changed.
type securityHeaders []struct {
	name  string
	value []string
}

func newSecurityHeaders(csp []Directive, referrer string) securityHeaders {
	if referrer == "" {
		referrer = "no-referrer"
	}
	pairs := [][2]string{
		{"Content-Security-Policy", ContentSecurityPolicy(csp)},
		{"Referrer-Policy", referrer},
		{"Strict-Transport-Security", "max-age=15552000; includeSubDomains"},
		{"X-Content-Type-Options", "nosniff"},
		{"X-Dns-Prefetch-Control", "off"},
		{"X-Download-Options", "noopen"},
		{"X-Frame-Options", "SAMEORIGIN"},
		{"X-Permitted-Cross-Domain-Policies", "none"},
		{"X-Xss-Protection", "0"},
	}
	out := make(securityHeaders, len(pairs))
	for i, p := range pairs {
		out[i].name, out[i].value = p[0], []string{p[1]}
	}
	return out
}

func (s securityHeaders) set(h http.Header) {
	for i := range s {
		h[s[i].name] = s[i].value
	}
}
