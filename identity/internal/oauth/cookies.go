package oauth

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// The lives and the size of cookies are Backstage's.
const (
	nonceLife   = 10 * time.Minute
	sessionLife = 1000 * 24 * time.Hour
	chunkSize   = 4000
	maxChunks   = 16
)

// cookies are those of one provider in one environment.
type cookies struct {
	provider string
	host     string // of the callback
	path     string
	secure   bool
	home     string // the origin of the app when a request names none
	life     time.Duration
}

func newCookies(provider string, callback *url.URL, home string, life time.Duration) cookies {
	if life == 0 {
		life = sessionLife
	}
	c := cookies{provider: provider, host: callback.Hostname(), secure: callback.Scheme == "https", home: home, life: life}
	path, ok := strings.CutSuffix(callback.Path, "/handler/frame")
	if !ok || !strings.HasSuffix(path, provider) {
		path = strings.TrimSuffix(callback.Path, "/") + "/" + provider
	}
	c.path = path
	return c
}

func (c *cookies) nonce() string    { return c.provider + "-nonce" }
func (c *cookies) verifier() string { return c.provider + "-verifier" }
func (c *cookies) refresh() string  { return c.provider + "-refresh-token" }
func (c *cookies) granted() string  { return c.provider + "-granted-scope" }

// set adds one cookie to the answer. A cookie is sent by pages of another host
// only when it must be and travels encrypted. An empty value removes it.
func (c *cookies) set(w http.ResponseWriter, name, value string, life time.Duration, origin, suffix string) {
	cookie := &http.Cookie{
		Name: name, Value: url.PathEscape(value), Path: c.path + suffix, HttpOnly: true, Secure: c.secure,
		SameSite: http.SameSiteLaxMode, MaxAge: int(life.Seconds()),
	}
	if value == "" {
		cookie.MaxAge = -1
	}
	if origin == "" {
		origin = c.home
	}
	if u, err := url.Parse(origin); c.secure && err == nil && u.Hostname() != c.host {
		cookie.SameSite = http.SameSiteNoneMode
	}
	http.SetCookie(w, cookie)
}

// setHandler sets a cookie that only the frame sees, for the time of a flow.
func (c *cookies) setHandler(w http.ResponseWriter, name, value, origin string) {
	c.set(w, name, value, nonceLife, origin, "/handler")
}

// setSession sets a cookie of the session, in chunks when it is long, and
// removes those of the other form.
func (c *cookies) setSession(w http.ResponseWriter, r *http.Request, name, value, origin string) {
	chunks := 0
	if len(value) > chunkSize {
		if _, err := r.Cookie(name); err == nil {
			c.set(w, name, "", 0, origin, "")
		}
		for rest := value; rest != ""; chunks++ {
			n := min(chunkSize, len(rest))
			c.set(w, chunk(name, chunks), rest[:n], c.life, origin, "")
			rest = rest[n:]
		}
	} else {
		c.set(w, name, value, c.life, origin, "")
	}
	for ; chunks < maxChunks; chunks++ {
		if _, err := r.Cookie(chunk(name, chunks)); err != nil {
			break
		}
		c.set(w, chunk(name, chunks), "", 0, origin, "")
	}
}

// get reads a cookie in either form; "" when there is none.
func (c *cookies) get(r *http.Request, name string) string {
	var b strings.Builder
	for n := range maxChunks {
		part := plain(r, chunk(name, n))
		if part == "" {
			break
		}
		b.WriteString(part)
	}
	if b.Len() > 0 {
		return b.String()
	}
	return plain(r, name)
}

func plain(r *http.Request, name string) string {
	cookie, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	if value, err := url.PathUnescape(cookie.Value); err == nil {
		return value
	}
	return cookie.Value
}

func chunk(name string, n int) string { return name + "-" + strconv.Itoa(n) }
