// Package rest is the WebSocket of the signals, GET /api/signals: clients name
// the channels they want and get the messages on them.
//
// What not: who gets what is decided in package hub.
//
// Start reading at [REST.Register] and [REST.connect].
package rest

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/time/rate"

	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/httpx"
	"github.com/stagedoor/stagedoor/plugin"
	"github.com/stagedoor/stagedoor/signal/internal/hub"
)

const (
	pluginID     = "signals"
	maxRequest   = 4 << 10 // bytes of what a client says
	writeTimeout = 10 * time.Second
	pongTimeout  = 10 * time.Second
	goodbye      = time.Second // for the closing handshake
	// What clients may say: channels come and go with pages.
	requestRate, requestBurst = 20, 200
	protocolHeader            = "Sec-WebSocket-Protocol"
)

// REST holds what the routes need.
type REST struct {
	Hub    *hub.Hub
	Auth   identity.Authenticator
	Logger *slog.Logger
	// PingEvery is the time between two looks whether a client is still
	// there, and still allowed to be; zero means 30 seconds.
	PingEvery time.Duration
}

// Register adds the routes of /api/signals.
func (h *REST) Register(r plugin.Router) {
	r.Handle("GET /", plugin.Unauthenticated, h.connect)
	r.Handle("GET /health", plugin.Unauthenticated, func(w http.ResponseWriter, r *http.Request) error {
		return httpx.JSON(w, r, map[string]string{"status": "ok"})
	})
}

// connect serves one client for as long as it stays.
func (h *REST) connect(w http.ResponseWriter, r *http.Request) error {
	if !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		w.Header().Set("Upgrade", "websocket")
		return &httpx.WireError{
			Code: fault.Invalid, Status: http.StatusUpgradeRequired, Name: "UpgradeRequiredError",
			Message: "Signals come over a WebSocket: connect with ws:// or wss:// to this address",
		}
	}
	check, token := h.credentials(r)
	who, err := check()
	if err != nil {
		return err
	}
	if who.Limited { // a token that opens assets only
		return fault.New(fault.Unauthenticated, "Missing credentials")
	}
	if !who.MayUsePlugin(pluginID) {
		return fault.Newf(fault.Forbidden, "This token's access does not include the plugin '%s'", pluginID)
	}
	client, err := h.Hub.Join(who.Subject, refs(who))
	if err != nil {
		return err
	}
	defer h.Hub.Leave(client)
	options := &websocket.AcceptOptions{
		// Nothing that a browser sends by itself counts as a credential here,
		// so another site's page gets no more than any anonymous caller.
		InsecureSkipVerify: true,
	}
	if token != "" {
		// A browser drops the connection unless the protocol it asked for is
		// answered, and the protocol is where the token is.
		options.Subprotocols = []string{token}
	}
	conn, err := websocket.Accept(w, r, options)
	if err != nil {
		h.Logger.DebugContext(r.Context(), "a client of the signals did not get in", "error", err)
		return nil // Accept has answered
	}
	conn.SetReadLimit(maxRequest)
	h.serve(r.Context(), conn, client, check)
	return nil
}

// credentials returns how to authenticate the request, now and again later,
// and the token if it came as a protocol, which is the only header that a
// page's script can set. Cookies do not count.
func (h *REST) credentials(r *http.Request) (check func() (identity.Principal, error), token string) {
	r = r.Clone(r.Context())
	r.Header.Del("Cookie")
	token, _, _ = strings.Cut(r.Header.Get(protocolHeader), ",")
	if token = strings.TrimSpace(token); token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return func() (identity.Principal, error) { return h.Auth.Authenticate(r) }, token
}

// refs are the recipients whose signals the caller gets.
func refs(p identity.Principal) []string {
	if p.Kind != identity.User {
		return nil
	}
	seen := map[string]bool{}
	var out []string
	for _, ref := range append([]string{p.Subject}, p.Ownership...) {
		if ref = strings.ToLower(ref); !seen[ref] {
			seen[ref] = true
			out = append(out, ref)
		}
	}
	return out
}

// serve returns when the client is gone.
func (h *REST) serve(ctx context.Context, conn *websocket.Conn, client *hub.Client, check func() (identity.Principal, error)) {
	ctx, cancel := context.WithCancel(ctx)
	written := make(chan struct{})
	go func() {
		defer close(written)
		defer cancel()
		h.write(ctx, conn, client, check)
	}()
	go func() {
		// Who does not take its messages may be in the midst of one.
		select {
		case <-client.Done():
			cutAfter(conn, written)
		case <-written:
		}
	}()
	h.read(ctx, conn, client)
	cancel()
	<-written
	_ = conn.CloseNow() // it is closed already, or there is nobody to tell
}

// request is what a client says.
type request struct {
	Action  string `json:"action"`
	Channel string `json:"channel"`
}

// read takes what the client says until it is gone.
func (h *REST) read(ctx context.Context, conn *websocket.Conn, client *hub.Client) {
	limit := rate.NewLimiter(requestRate, requestBurst)
	for {
		kind, data, err := conn.Read(ctx)
		if err != nil {
			return
		}
		if !limit.Allow() {
			farewell(conn, websocket.StatusPolicyViolation, "too many requests")
			return
		}
		var said request
		// What nobody understands is passed over, as clients are used to.
		if kind != websocket.MessageText || json.Unmarshal(data, &said) != nil || said.Channel == "" {
			continue
		}
		switch said.Action {
		case "subscribe":
			if err := h.Hub.Subscribe(client, said.Channel); err != nil {
				farewell(conn, websocket.StatusPolicyViolation, err.Error())
				return
			}
		case "unsubscribe":
			h.Hub.Unsubscribe(client, said.Channel)
		}
	}
}

// write sends the client its messages, and now and then looks whether it is
// still there.
func (h *REST) write(ctx context.Context, conn *websocket.Conn, client *hub.Client, check func() (identity.Principal, error)) {
	every := h.PingEvery
	if every == 0 {
		every = 30 * time.Second
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-client.Done():
			if client.End() == hub.Stopping {
				// Clients come back after this code, and find another replica.
				farewell(conn, websocket.StatusServiceRestart, "the server is stopping")
				return
			}
			farewell(conn, websocket.StatusPolicyViolation, "messages are not taken fast enough")
			return
		case text := <-client.Messages():
			if !within(ctx, writeTimeout, func(ctx context.Context) error { return conn.Write(ctx, websocket.MessageText, text) }) {
				return
			}
		case <-tick.C:
			if _, err := check(); err != nil {
				// The client comes back with a new token, if it has one.
				farewell(conn, websocket.StatusPolicyViolation, "the token is no longer valid")
				return
			}
			if !within(ctx, pongTimeout, conn.Ping) {
				return
			}
		}
	}
}

func within(ctx context.Context, d time.Duration, fn func(context.Context) error) bool {
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	return fn(ctx) == nil
}

// cutAfter cuts the connection unless it is gone in time.
func cutAfter(conn *websocket.Conn, gone <-chan struct{}) {
	timer := time.NewTimer(goodbye)
	defer timer.Stop()
	select {
	case <-gone:
	case <-timer.C:
		_ = conn.CloseNow() // nobody is there to be told
	}
}

// farewell closes the connection and says why. A client that does not answer
// is cut.
func farewell(conn *websocket.Conn, code websocket.StatusCode, reason string) {
	cut := time.AfterFunc(goodbye, func() { _ = conn.CloseNow() }) // nobody is there to be told
	defer cut.Stop()
	_ = conn.Close(code, reason) // as above
}
