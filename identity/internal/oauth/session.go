package oauth

import (
	"cmp"
	"context"
	"crypto/sha256"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/stagedoor/stagedoor/identity/internal/signin"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/httpx"
)

// Refresh renews a session by the cookie that the sign-in left. Parameters:
// env, scope; it needs the header X-Requested-With.
func (p *Provider) Refresh(w http.ResponseWriter, r *http.Request) (signin.Account, error) {
	c, err := p.client(r)
	if err != nil {
		return signin.Account{}, err
	}
	if err := requested(r); err != nil {
		return signin.Account{}, err
	}
	origin, err := p.deps.Origins.origin(r.Header.Get("Origin"))
	if err != nil {
		return signin.Account{}, err
	}
	token := c.cookies.get(r, c.cookies.refresh())
	if token == "" {
		return signin.Account{}, &signin.RefreshError{Err: fault.New(fault.Invalid, "Missing session cookie"), Idle: true}
	}
	granted := c.grantedBefore(r)
	scope := c.wanted(r.FormValue("scope"), granted)
	enough := !c.kind.persist || !slices.ContainsFunc(splitScope(scope), func(s string) bool { return !slices.Contains(granted, s) })
	if c.kind.reuse != nil && !enough && len(token) > len(reusedPrefix) && token[:len(reusedPrefix)] == reusedPrefix {
		return signin.Account{}, &signin.RefreshError{Err: fault.New(fault.Unauthenticated, "session has not been granted the requested scope"), Idle: true}
	}
	renewed, err := p.shared.renew(r.Context(), c, token, scope)
	if err != nil {
		return signin.Account{}, &signin.RefreshError{Err: err}
	}
	if renewed.kept != "" && renewed.kept != token {
		c.cookies.setSession(w, r, c.cookies.refresh(), renewed.kept, origin)
	}
	switch {
	case !c.kind.persist || !enough:
		// What was not granted is not claimed: the front-end then asks for it.
		scope = cmp.Or(renewed.grant.Scope, joinScopes(granted), scope)
	default:
		c.cookies.setSession(w, r, c.cookies.granted(), scope, origin)
	}
	a := c.account(renewed.person, renewed.grant, joinScopes(splitScope(scope)))
	a.Renewed = true
	return a, nil
}

// Logout revokes what the cookie holds, where the provider can, and removes
// the cookies.
func (p *Provider) Logout(w http.ResponseWriter, r *http.Request) error {
	c, err := p.client(r)
	if err != nil {
		return err
	}
	if err := requested(r); err != nil {
		return err
	}
	origin, err := p.deps.Origins.origin(r.Header.Get("Origin"))
	if err != nil {
		return err
	}
	page, token := "", c.cookies.get(r, c.cookies.refresh())
	p.shared.forget(c, token)
	if c.kind.logout != nil {
		// Who wants to leave leaves, also when the provider does not answer.
		if page, err = c.kind.logout(r.Context(), c, r, token); err != nil {
			c.log.WarnContext(r.Context(), "sign-out is not known to the identity provider", "provider", c.id, "env", c.env, "error", err)
		}
	}
	c.cookies.setSession(w, r, c.cookies.refresh(), "", origin)
	if c.kind.persist {
		c.cookies.setSession(w, r, c.cookies.granted(), "", origin)
	}
	if page != "" {
		return httpx.JSON(w, r, map[string]string{"logoutUrl": page})
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

// requested refuses what another site made a browser send: it cannot set this
// header without asking first.
func requested(r *http.Request) error {
	if r.Header.Get("X-Requested-With") != "XMLHttpRequest" {
		return fault.New(fault.Unauthenticated, "Invalid X-Requested-With header")
	}
	return nil
}

// renewal is what a refresh token was turned into.
type renewal struct {
	grant  grant
	person person
	kept   string
}

// shared lets requests with the same refresh token share one renewal, and for
// some seconds its result: a person with several tabs asks several times with
// the cookie of before, while many providers take a refresh token once and
// take a second use for theft.
type shared struct {
	mu    sync.Mutex
	calls map[[sha256.Size]byte]*sharedCall
}

type sharedCall struct {
	done     chan struct{}
	until    time.Time         // zero while under way
	from, to [sha256.Size]byte // the tokens of before and after
	renewal
	err error
}

const (
	sharedFor = 10 * time.Second
	maxShared = 4096
)

func (s *shared) renew(ctx context.Context, c *client, token, scope string) (renewal, error) {
	sent := ""
	if c.kind.refreshScope {
		sent = scope
	}
	key, now := fingerprint(c.env, token, sent), c.clock()
	s.mu.Lock()
	if call, ok := s.calls[key]; ok && (call.until.IsZero() || now.Before(call.until)) {
		s.mu.Unlock()
		select {
		case <-call.done:
			return call.renewal, call.err
		case <-ctx.Done():
			return renewal{}, ctx.Err()
		}
	}
	call := &sharedCall{done: make(chan struct{}), from: fingerprint(c.env, token), to: fingerprint(c.env, "")}
	s.sweep(now)
	s.calls[key] = call
	s.mu.Unlock()

	// Whoever came first may go away; the others still want the answer.
	var r renewal
	g, who, err := c.renew(context.WithoutCancel(ctx), token, scope)
	if err == nil {
		r = renewal{grant: g, person: who, kept: c.keep(g)}
	}
	s.mu.Lock()
	call.renewal, call.err, call.until, call.to = r, err, c.clock().Add(sharedFor), fingerprint(c.env, r.kept)
	if err != nil {
		delete(s.calls, key)
	}
	s.mu.Unlock()
	close(call.done)
	return r, err
}

// forget drops what the token was renewed to and from, so that nothing of a
// session outlives it here.
func (s *shared) forget(c *client, token string) {
	if token == "" {
		return
	}
	gone := map[[sha256.Size]byte]bool{fingerprint(c.env, token): true}
	none := fingerprint(c.env, "") // of a call under way, or one that failed
	s.mu.Lock()
	defer s.mu.Unlock()
	for more := true; more; {
		more = false
		for key, call := range s.calls {
			if !gone[call.from] && !gone[call.to] {
				continue
			}
			delete(s.calls, key)
			gone[call.from], gone[call.to], more = true, call.to != none, true
		}
	}
}

func (s *shared) sweep(now time.Time) {
	if s.calls == nil || len(s.calls) >= maxShared {
		s.calls = map[[sha256.Size]byte]*sharedCall{}
	}
	for key, call := range s.calls {
		if !call.until.IsZero() && !now.Before(call.until) {
			delete(s.calls, key)
		}
	}
}
