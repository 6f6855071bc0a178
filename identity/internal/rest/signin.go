package rest

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/stagedoor/stagedoor/identity/internal/signin"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/httpx"
	"github.com/stagedoor/stagedoor/plugin"
)

// registerSignIn adds the routes of the sign-in providers. The frame may come
// as a form, because some identity providers answer with one.
func (h *REST) registerSignIn(r plugin.Router) {
	r.Handle("GET /{provider}/start", plugin.Unauthenticated, h.start)
	r.Handle("GET /{provider}/handler/frame", plugin.Unauthenticated, h.frame)
	r.Handle("POST /{provider}/handler/frame", plugin.Unauthenticated, h.frame)
	r.Handle("GET /{provider}/refresh", plugin.Unauthenticated, h.refresh)
	r.Handle("POST /{provider}/refresh", plugin.Unauthenticated, h.refresh)
	r.Handle("POST /{provider}/logout", plugin.Unauthenticated, h.logout)
	r.Handle("/{provider}/{rest...}", plugin.Unauthenticated, h.unknown)
}

func (h *REST) provider(r *http.Request) (signin.Provider, error) {
	id := r.PathValue("provider")
	if p, ok := h.Provider(id); ok {
		return p, nil
	}
	return nil, fault.Newf(fault.NotFound, "Unknown auth provider '%s'", id)
}

// start sends the browser to the identity provider. A person who cannot get
// there sees why; a program gets the error envelope.
func (h *REST) start(w http.ResponseWriter, r *http.Request) error {
	p, err := h.provider(r)
	if err != nil {
		return err
	}
	if err = h.throttle.Allow(throttleKey(r), h.SignIn.Clock()); err == nil {
		err = p.Start(w, r)
	}
	if err == nil || !strings.Contains(r.Header.Get("Accept"), "text/html") {
		return err
	}
	return showError(p, w, r, err)
}

// frame is where the identity provider sends the browser back to. Whoever only
// looks whether the address is there must not use up its code.
func (h *REST) frame(w http.ResponseWriter, r *http.Request) error {
	p, err := h.provider(r)
	if err != nil {
		return err
	}
	if r.Method == http.MethodHead {
		w.WriteHeader(http.StatusMethodNotAllowed)
		return nil
	}
	if err := h.throttle.Allow(throttleKey(r), h.SignIn.Clock()); err != nil {
		return showError(p, w, r, err)
	}
	// The account that is known by the time of an error is recorded with it.
	known := false
	err = p.Frame(w, r, func(ctx context.Context, a signin.Account) (signin.Session, error) {
		known = true
		return h.SignIn.Complete(ctx, a)
	})
	h.count(p, throttleKey(r), err)
	if err == nil {
		return nil
	}
	if !known && !fault.Is(err, fault.NotImplemented) {
		h.SignIn.Failed(r.Context(), p.ID(), "", err)
	}
	return showError(p, w, r, err)
}

// refresh gives a session to whom the provider recognises without interaction.
func (h *REST) refresh(w http.ResponseWriter, r *http.Request) error {
	p, err := h.provider(r)
	if err != nil {
		return err
	}
	key := refreshKey(r)
	if err := h.throttle.Allow(key, h.SignIn.Clock()); err != nil {
		return err
	}
	account, err := p.Refresh(w, r)
	if err != nil {
		h.count(p, key, err)
		return err
	}
	session, err := h.SignIn.Renew(r.Context(), account)
	if err != nil && account.Renewed {
		err = &signin.RefreshError{Err: err}
	}
	h.count(p, key, err)
	if err != nil {
		return err
	}
	if account.Renewed {
		w.Header().Set("Cache-Control", "no-store")
	}
	return httpx.JSON(w, r, session)
}

func (h *REST) logout(w http.ResponseWriter, r *http.Request) error {
	p, err := h.provider(r)
	if err != nil {
		return err
	}
	if err := p.Logout(w, r); err != nil {
		return err
	}
	h.SignIn.SignedOut(r.Context(), p.ID(), r.URL.Query().Get("env"))
	return nil
}

func (h *REST) unknown(_ http.ResponseWriter, r *http.Request) error {
	return fault.Newf(fault.NotFound, "Unknown auth provider '%s'", r.PathValue("provider"))
}

// count tells the throttle how an attempt ended. Only what the client did
// wrong counts: no outage, and no question whether there is a session. Behind
// a gateway, which speaks for everybody from one address, a person who may not
// come in does not count either.
func (h *REST) count(p signin.Provider, key string, err error) {
	var refresh *signin.RefreshError
	_, interactive := p.(signin.ErrorPage)
	switch {
	case err == nil:
		h.throttle.Succeeded(key, h.SignIn.Clock())
	case errors.As(err, &refresh) && refresh.Idle:
	case fault.Is(err, fault.Unauthenticated), interactive && (fault.Is(err, fault.Forbidden) || fault.Is(err, fault.Invalid)):
		h.throttle.Failed(key, h.SignIn.Clock())
	}
}

// throttleKey names who tries what. Behind a proxy that the configuration does
// not name, everybody has one address; then what the nearest proxy noted
// counts too, so that nobody is slowed down for others.
func throttleKey(r *http.Request) string {
	address, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		address = r.RemoteAddr
	}
	if facts, ok := httpx.FactsOf(r.Context()); ok && fmt.Sprint(facts.IP) != address {
		return r.PathValue("provider") + " " + fmt.Sprint(facts.IP)
	}
	forwarded, nearest := r.Header.Get("X-Forwarded-For"), ""
	// Nothing but an address: the key is remembered, and the header may be long.
	if ip, err := netip.ParseAddr(strings.TrimSpace(forwarded[strings.LastIndexByte(forwarded, ',')+1:])); err == nil {
		nearest = ip.Unmap().WithZone("").String()
	}
	return r.PathValue("provider") + " " + address + " " + nearest
}

// refreshKey is [throttleKey] for renewals. Sessions end for many people at
// once, so one that ended slows down nobody but itself.
func refreshKey(r *http.Request) string {
	sum := sha256.New()
	for _, c := range r.Cookies() {
		if strings.HasPrefix(c.Name, r.PathValue("provider")+"-refresh-token") {
			_, _ = sum.Write([]byte(c.Value)) // never fails
		}
	}
	return throttleKey(r) + " " + string(sum.Sum(nil))
}

func showError(p signin.Provider, w http.ResponseWriter, r *http.Request, err error) error {
	if page, ok := p.(signin.ErrorPage); ok {
		return page.ShowError(w, r, err)
	}
	return err
}
