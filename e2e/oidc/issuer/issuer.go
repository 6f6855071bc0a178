// Package issuer is a real OpenID provider for tests: zitadel/oidc's protocol
// over users from a list, with a login form, keys that rotate and faults on
// demand.
//
// What not: it protects nothing. Passwords are plain text, everything is in
// memory, and no product code imports it.
//
// Start reading at [New].
package issuer

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// User may sign in with the form.
type User struct {
	Username string `json:"username"`
	Password string `json:"password"`
	Email    string `json:"email"`
	Name     string `json:"name"`
	Sub      string `json:"sub"`
	// Unverified is for addresses that nobody has checked.
	Unverified bool `json:"unverified,omitempty"`
}

// Options are the client and the users. ClientID is required.
type Options struct {
	ClientID     string
	ClientSecret string
	RedirectURIs []string
	Users        []User
	// Key is the first signing key; nil makes one, which takes its time.
	Key *rsa.PrivateKey
}

// Faults are what goes wrong with the next id tokens.
type Faults struct {
	// Claims replace those of the id token; nil removes one.
	Claims map[string]any
	// Algorithm signs with something else than RS256: HS256 with the client's
	// secret, or none.
	Algorithm string
	// ForeignKey signs with a key that is not published, under the id of one
	// that is.
	ForeignKey bool
	// Thin leaves email and name out of the id token.
	Thin bool
}

// Issuer is the provider. It is safe for concurrent use.
type Issuer struct {
	handler http.Handler
	storage *storage
}

// New returns a provider whose issuer is the URL at which it will be served.
func New(at string, o Options) (*Issuer, error) {
	s := &storage{
		options: o, requests: map[string]*request{}, codes: map[string]string{}, tokens: map[string]*session{}, refresh: map[string]*session{},
	}
	s.key, s.keyID = o.Key, uuid.NewString()
	if o.Key == nil {
		if err := s.rotate(); err != nil {
			return nil, err
		}
	}
	config := &op.Config{CodeMethodS256: true, AuthMethodPost: true, GrantTypeRefreshToken: true, DefaultLogoutRedirectURI: "/"}
	if _, err := rand.Read(config.CryptoKey[:]); err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	provider, err := op.NewProvider(config, s, op.StaticIssuer(at), op.WithAllowInsecure(), op.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		return nil, fmt.Errorf("start an OpenID provider: %w", err)
	}
	i := &Issuer{storage: s}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /login", i.form)
	mux.Handle("POST /login", op.NewIssuerInterceptor(provider.IssuerFromRequest).HandlerFunc(i.login(op.AuthCallbackURL(provider))))
	mux.Handle("/", i.spoil(provider))
	i.handler = mux
	return i, nil
}

// ServeHTTP implements http.Handler.
func (i *Issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) { i.handler.ServeHTTP(w, r) }

// Break has the next id tokens carry the faults.
func (i *Issuer) Break(f Faults) {
	i.storage.mu.Lock()
	defer i.storage.mu.Unlock()
	i.storage.faults = f
}

// Rotate makes a new signing key and forgets the old one.
func (i *Issuer) Rotate() error { return i.storage.rotate() }

// Sessions returns how many refresh tokens are good.
func (i *Issuer) Sessions() int {
	i.storage.mu.Lock()
	defer i.storage.mu.Unlock()
	return len(i.storage.refresh)
}

var loginPage = template.Must(template.New("login").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Test identity provider</title></head><body>
<h1>Test identity provider</h1>
{{with .Problem}}<p role="alert">{{.}}</p>{{end}}
<form method="post" action="/login">
<input type="hidden" name="id" value="{{.ID}}">
<label>User name <input name="username" autocomplete="username" autofocus></label>
<label>Password <input name="password" type="password" autocomplete="current-password"></label>
<button type="submit" name="do" value="allow">Sign in</button>
<button type="submit" name="do" value="deny">Deny</button>
</form>
</body></html>
`))

func (i *Issuer) form(w http.ResponseWriter, r *http.Request) {
	showForm(w, http.StatusOK, r.FormValue("id"), "")
}

func showForm(w http.ResponseWriter, status int, id, problem string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	if err := loginPage.Execute(w, map[string]string{"ID": id, "Problem": problem}); err != nil {
		slog.Default().Error("render login form", "error", err)
	}
}

// login takes the form.
func (i *Issuer) login(callback func(context.Context, string) string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		id := r.FormValue("id")
		if r.FormValue("do") == "deny" {
			to, ok := i.storage.deny(id)
			if !ok {
				showForm(w, http.StatusBadRequest, id, "There is no such sign-in.")
				return
			}
			http.Redirect(w, r, to, http.StatusFound)
			return
		}
		if !i.storage.signIn(id, r.FormValue("username"), r.FormValue("password")) {
			showForm(w, http.StatusUnauthorized, id, "User name or password is wrong.")
			return
		}
		http.Redirect(w, r, callback(r.Context(), id), http.StatusFound)
	}
}

// storage keeps everything in memory.
type storage struct {
	options Options

	mu       sync.Mutex
	faults   Faults
	key      *rsa.PrivateKey
	keyID    string
	requests map[string]*request
	codes    map[string]string   // code to request
	tokens   map[string]*session // by id of the access token
	refresh  map[string]*session // by refresh token
}

func (s *storage) rotate() error {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return fmt.Errorf("make a key: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.key, s.keyID = key, uuid.NewString()
	return nil
}

// signIn marks the request as done by the user.
func (s *storage) signIn(id, username, password string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.requests[id]
	for _, u := range s.options.Users {
		if r != nil && u.Username == username && u.Password == password {
			r.user, r.done, r.at = u.Sub, true, time.Now()
			return true
		}
	}
	return false
}

// deny ends the request and returns where the browser goes.
func (s *storage) deny(id string) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.requests[id]
	if r == nil {
		return "", false
	}
	delete(s.requests, id)
	q := url.Values{"error": {"access_denied"}, "error_description": {"the person said no"}, "state": {r.GetState()}}
	return r.GetRedirectURI() + "?" + q.Encode(), true
}

func (s *storage) user(sub string) (User, bool) {
	for _, u := range s.options.Users {
		if u.Sub == sub {
			return u, true
		}
	}
	return User{}, false
}
