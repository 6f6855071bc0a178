package scrub

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/internal/secret"
)

// maxMeta bounds the JSON of an event's meta in bytes.
const maxMeta = 16 << 10

// Scrubber cleans texts. The zero value knows no secrets but recognises those
// that look like some. Safe for concurrent use if Known is.
type Scrubber struct {
	// Known replaces the secrets that the configuration names; nil replaces
	// nothing.
	Known func(string) string
	// Token is a text that must not appear, such as the caller's credentials.
	Token string
}

var (
	// tokens look the same wherever they come from.
	tokens = regexp.MustCompile(`eyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]*){0,3}` + // JWT, JWE
		`|\b(?:gh[pousr]_[A-Za-z0-9]{16,}|github_pat_[A-Za-z0-9_]{16,}|glpat-[A-Za-z0-9_-]{16,}|xox[a-z]-[A-Za-z0-9-]{8,}` +
		`|A[KS]IA[A-Z0-9]{12,}|AIza[A-Za-z0-9_-]{30,}|sk-[A-Za-z0-9_-]{16,}|hvs\.[A-Za-z0-9_-]{16,}|npm_[A-Za-z0-9]{30,})` +
		`|-----BEGIN [A-Z ]*PRIVATE KEY-----(?s:.*?)(?:-----END [A-Z ]*PRIVATE KEY-----|$)`)
	// schemes are followed by credentials.
	schemes = regexp.MustCompile(`(?i)\b(bearer|basic|apikey)( +|%20)[A-Za-z0-9._~+/=-]{6,}`)
	// settings assign a secret to a name that says so.
	settings = regexp.MustCompile(`(?i)\b([a-z0-9_-]*(?:password|passwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|signature|credential)s?)(["']?\s*[=:]\s*["']?)([^\s"'&,;}]{3,})`)
	// links are URLs, up to what ends them in a sentence.
	links = regexp.MustCompile("[a-zA-Z][a-zA-Z0-9+.-]*://[^\\s\"'<>`]+")
	// secretKey matches members of objects that hold secrets.
	secretKey = regexp.MustCompile(`(?i)(password|passwd|passphrase|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|authorization|cookie|credential|signature)s?$`)
)

// harmless are parameters of URLs that name a place in a repository.
var harmless = []string{"at", "ref", "branch", "path", "version"}

// Text returns the text without secrets, valid UTF-8, with at most limit bytes.
func (s Scrubber) Text(text string, limit int) string {
	if text == "" {
		return ""
	}
	text = strings.ToValidUTF8(strings.ReplaceAll(text, "\x00", ""), "\uFFFD")
	const far = 64 << 10 // nothing beyond is ever kept
	if len(text) > far {
		text = strings.ToValidUTF8(text[:far], "")
	}
	const shortest = 8 // what Backstage demands of a token
	if len(s.Token) >= shortest {
		text = strings.ReplaceAll(text, s.Token, secret.Mask)
	}
	if s.Known != nil {
		text = s.Known(text)
	}
	text = tokens.ReplaceAllLiteralString(text, secret.Mask)
	if strings.Contains(text, "://") {
		text = links.ReplaceAllStringFunc(text, link)
	}
	text = schemes.ReplaceAllString(text, "$1 "+secret.Mask)
	text = settings.ReplaceAllStringFunc(text, setting)
	if len(text) > limit {
		const dots = "…"
		text = strings.ToValidUTF8(text[:max(limit-len(dots), 0)], "") + dots
	}
	return text
}

// setting masks the value of a setting. A colon alone may as well be part of a
// sentence, such as "no token: it has expired": then only what is no word is
// taken for a secret.
func setting(text string) string {
	m := settings.FindStringSubmatch(text)
	if !strings.ContainsAny(m[2], `="'`) && !strings.ContainsAny(m[3], "0123456789") {
		return text
	}
	return m[1] + m[2] + secret.Mask
}

// link drops credentials and all parameters of a URL but harmless ones.
func link(text string) string {
	before, fragment, hasFragment := strings.Cut(text, "#")
	address, query, hasQuery := strings.Cut(before, "?")
	if scheme, rest, ok := strings.Cut(address, "://"); ok {
		host, _, _ := strings.Cut(rest, "/")
		if at := strings.LastIndex(host, "@"); at >= 0 {
			address = scheme + "://" + host[at+1:] + strings.TrimPrefix(rest, host)
		}
	}
	if hasQuery {
		address += keepHarmless(query)
	}
	if hasFragment && !strings.Contains(fragment, "=") { // tokens travel there too
		address += "#" + fragment
	}
	return address
}

func keepHarmless(query string) string {
	var kept []string
	for pair := range strings.SplitSeq(query, "&") {
		name, _, _ := strings.Cut(pair, "=")
		if plain, err := url.QueryUnescape(name); err == nil && slices.Contains(harmless, strings.ToLower(plain)) {
			kept = append(kept, pair)
		}
	}
	if len(kept) == 0 {
		return ""
	}
	return "?" + strings.Join(kept, "&")
}

// Meta returns the values as compact JSON with sorted keys, without secrets.
// What cannot be JSON or is too much is replaced by a word about it.
func (s Scrubber) Meta(meta map[string]any) string {
	if len(meta) == 0 {
		return "{}"
	}
	raw, err := encode(meta)
	if err != nil {
		return explain("unusable", s.Text(err.Error(), 200), meta)
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var v any
	if err := decoder.Decode(&v); err != nil {
		return explain("unusable", s.Text(err.Error(), 200), meta)
	}
	out, err := encode(s.clean(v))
	if err != nil {
		return explain("unusable", s.Text(err.Error(), 200), meta)
	}
	if len(out) > maxMeta {
		return explain("truncated", fmt.Sprintf("%d bytes", len(out)), meta)
	}
	return string(out)
}

// explain stands in for a meta that was left out.
func explain(what, why string, meta map[string]any) string {
	const most = 50
	names := slices.Sorted(maps.Keys(meta))
	names = names[:min(len(names), most)]
	for i, name := range names {
		names[i] = Scrubber{}.Text(name, 100)
	}
	out, err := encode(map[string]any{what: why, "keys": names})
	if err != nil { // texts alone can always be encoded
		return "{}"
	}
	return string(out)
}

func (s Scrubber) clean(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, item := range v {
			if text, isText := item.(string); secretKey.MatchString(key) && (!isText || text != "") && !isFlag(item) {
				item = secret.Mask
			} else {
				item = s.clean(item)
			}
			out[s.Text(key, 200)] = item
		}
		return out
	case []any:
		for i := range v {
			v[i] = s.clean(v[i])
		}
		return v
	case string:
		return s.Text(v, 4000)
	}
	return v
}

// isFlag reports whether the value only says whether there is a secret.
func isFlag(v any) bool {
	_, isBool := v.(bool)
	return v == nil || isBool
}

// encode renders compact JSON with sorted keys.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
