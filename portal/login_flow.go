package portal

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/stagedoor/stagedoor/internal/fault"
)

const cliScope = "openid offline_access"

// signInFlow is the code flow of OAuth with PKCE, as a command line goes
// through it (RFC 8252): the browser brings the code to a port of this machine.
type signInFlow struct {
	client *http.Client
	clock  func() time.Time
	// show gets the address in front of the user's eyes.
	show func(ctx context.Context, address string) error
}

// run signs in to the portal and returns the account, without a name.
func (f signInFlow) run(ctx context.Context, base string) (account, error) {
	endpoints, err := discover(ctx, f.client, base)
	if err != nil {
		return account{}, err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return account{}, fmt.Errorf("listen for the browser: %w", err)
	}
	redirect := "http://" + listener.Addr().String() + "/callback"
	waiting := newCallback(listener, endpoints.Issuer)
	defer waiting.close()
	a := account{URL: base, TokenURL: endpoints.Token, RevokeURL: endpoints.Revocation, UserInfoURL: endpoints.UserInfo}
	if a.ClientID, a.ClientSecret, err = identify(ctx, f.client, base, endpoints, redirect); err != nil {
		return account{}, err
	}
	verifier := randomText()
	sum := sha256.Sum256([]byte(verifier))
	query := url.Values{
		"client_id": {a.ClientID}, "redirect_uri": {redirect}, "response_type": {"code"}, "scope": {cliScope}, "state": {waiting.state},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])}, "code_challenge_method": {"S256"},
	}
	if err := f.show(ctx, endpoints.Authorization+"?"+query.Encode()); err != nil {
		return account{}, err
	}
	code, err := waiting.code(ctx)
	if err != nil {
		return account{}, err
	}
	err = a.exchange(ctx, f.client, f.clock(), map[string]string{
		"grant_type": "authorization_code", "code": code, "redirect_uri": redirect, "code_verifier": verifier,
	})
	if err != nil {
		return account{}, err
	}
	who, err := a.whoami(ctx, f.client)
	a.User = who.Subject
	return a, err
}

// randomText is 256 bits that nobody can guess.
func randomText() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// callback waits for the browser.
type callback struct {
	state, issuer string
	server        *http.Server
	results       chan callbackResult
}

type callbackResult struct {
	code string
	err  error
}

func newCallback(listener net.Listener, issuer string) *callback {
	c := &callback{state: randomText(), issuer: issuer, results: make(chan callbackResult, 1)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /callback", c.serve)
	c.server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		// It ends with close, which says so by an error.
		if err := c.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			c.offer(callbackResult{err: fmt.Errorf("listen for the browser: %w", err)})
		}
	}()
	return c
}

// close waits a moment, so that the browser has the whole of its page.
func (c *callback) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if c.server.Shutdown(ctx) != nil {
		_ = c.server.Close()
	}
}

// offer takes the first result; later ones are dropped.
func (c *callback) offer(r callbackResult) {
	select {
	case c.results <- r:
	default:
	}
}

// serve takes what the browser brings. Whatever does not hold the state comes
// from somebody else, and is turned away without an end to the waiting.
func (c *callback) serve(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	result := callbackResult{code: query.Get("code")}
	iss := query.Get("iss")
	switch {
	case subtle.ConstantTimeCompare([]byte(query.Get("state")), []byte(c.state)) != 1:
		http.Error(w, "This is not the answer that was waited for.", http.StatusBadRequest)
		return
	case iss != "" && c.issuer != "" && iss != c.issuer:
		result = callbackResult{err: fault.Newf(fault.Forbidden, "the answer came from %s, not from %s", iss, c.issuer)}
	case query.Get("error") != "":
		result = callbackResult{err: fault.Newf(fault.Forbidden, "the portal refused: %s", refusalText(query.Get("error"), query.Get("error_description")))}
	case result.code == "":
		result = callbackResult{err: fault.New(fault.Unavailable, "the portal sent neither a code nor an error")}
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Referrer-Policy", "no-referrer")
	w.Header().Set("Cache-Control", "no-store")
	text := "You are signed in. You may close this window and go back to the command line.\n"
	if result.err != nil {
		text = "You are not signed in. The command line says why.\n"
	}
	_, _ = w.Write([]byte(text)) // the browser may be gone
	c.offer(result)
}

// code waits for the browser to bring the code.
func (c *callback) code(ctx context.Context) (string, error) {
	select {
	case <-ctx.Done():
		return "", ctx.Err()
	case r := <-c.results:
		return r.code, r.err
	}
}
