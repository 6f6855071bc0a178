package rest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/plugin"
	"github.com/stagedoor/stagedoor/plugin/plugintest"
	"github.com/stagedoor/stagedoor/signal/internal/hub"
	"github.com/stagedoor/stagedoor/signal/internal/rest"
)

// endpoint is a plugin with nothing but the WebSocket.
type endpoint struct{ rest *rest.REST }

func (endpoint) ID() string { return "signals" }

func (e endpoint) Init(_ context.Context, h *plugin.Host) error {
	e.rest.Register(h.HTTP)
	return nil
}

type site struct {
	t      *testing.T
	hub    *hub.Hub
	tokens *plugintest.Tokens
	url    string
}

func serve(t *testing.T, limits hub.Limits, ping time.Duration) *site {
	t.Helper()
	s := &site{t: t, hub: hub.New(limits), tokens: &plugintest.Tokens{}}
	host := plugintest.New(t, endpoint{&rest.REST{
		Hub: s.hub, Auth: s.tokens, Logger: slog.New(slog.DiscardHandler), PingEvery: ping,
	}}, plugintest.Options{Tokens: s.tokens})
	server := httptest.NewServer(host)
	t.Cleanup(func() {
		s.hub.Close()
		server.Close()
	})
	s.url = server.URL + "/api/signals"
	return s
}

// dial connects as a browser does, with the token as the protocol.
func (s *site) dial(token string, header http.Header) (*websocket.Conn, error) {
	s.t.Helper()
	options := &websocket.DialOptions{HTTPHeader: header}
	if token != "" {
		options.Subprotocols = []string{token}
	}
	conn, answer, err := websocket.Dial(s.t.Context(), s.url, options)
	if err != nil {
		if answer != nil {
			return nil, fmt.Errorf("status %d", answer.StatusCode)
		}
		return nil, err
	}
	s.t.Cleanup(func() { _ = conn.CloseNow() })
	if conn.Subprotocol() != token {
		s.t.Errorf("protocol %q, want the token", conn.Subprotocol())
	}
	return conn, nil
}

func (s *site) connect(token string) *websocket.Conn {
	s.t.Helper()
	conn, err := s.dial(token, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return conn
}

func (s *site) say(conn *websocket.Conn, text string) {
	s.t.Helper()
	if err := conn.Write(s.t.Context(), websocket.MessageText, []byte(text)); err != nil {
		s.t.Fatal(err)
	}
}

// listen subscribes and waits until it works.
func (s *site) listen(conn *websocket.Conn, channel string) {
	s.t.Helper()
	s.say(conn, `{"action":"subscribe","channel":"`+channel+`"}`)
	probe := fmt.Sprintf("probe-%p", conn)
	s.say(conn, `{"action":"subscribe","channel":"`+probe+`"}`)
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			s.deliver(probe, "0", "")
			select {
			case <-stop:
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	}()
	s.hear(conn)
	close(stop)
	<-done
	s.say(conn, `{"action":"unsubscribe","channel":"`+probe+`"}`)
}

func (s *site) deliver(channel, message, to string) {
	signal := hub.Signal{Channel: channel, Message: json.RawMessage(message), Everyone: to == ""}
	if to != "" {
		signal.Recipients = []string{to}
	}
	s.hub.Deliver(signal)
}

func (s *site) hear(conn *websocket.Conn) string {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 10*time.Second)
	defer cancel()
	_, data, err := conn.Read(ctx)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(data)
}

// expect skips probes.
func (s *site) expect(conn *websocket.Conn, want string) {
	s.t.Helper()
	for {
		got := s.hear(conn)
		if strings.Contains(got, `"channel":"probe-`) {
			continue
		}
		if got != want {
			s.t.Errorf("heard %s, want %s", got, want)
		}
		return
	}
}

// ended reads until the end and returns its code.
func (s *site) ended(conn *websocket.Conn) websocket.StatusCode {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 10*time.Second)
	defer cancel()
	for {
		if _, _, err := conn.Read(ctx); err != nil {
			var closed websocket.CloseError
			if !errors.As(err, &closed) {
				s.t.Errorf("ended by %v", err)
			}
			return closed.Code
		}
	}
}

func TestConnect_GivesUsersTheirSignals(t *testing.T) {
	t.Parallel()
	s := serve(t, hub.Limits{}, 0)
	guest, nobody, service := s.connect("guest"), s.connect(""), s.connect("service")
	for _, conn := range []*websocket.Conn{guest, nobody, service} {
		s.listen(conn, "news")
	}
	s.deliver("news", `{"n":1}`, "group:default/guests")
	s.deliver("news", `2`, "user:default/somebody")
	s.deliver("news", `3`, "peer-bench")
	s.deliver("news", `4`, "")
	s.expect(guest, `{"channel":"news","message":{"n":1}}`)
	for _, conn := range []*websocket.Conn{guest, nobody, service} {
		s.expect(conn, `{"channel":"news","message":4}`)
	}
	for _, odd := range []string{`{`, `[]`, `{"action":"dance","channel":"x"}`, `{"action":"subscribe"}`, `{"action":"subscribe","channel":7}`} {
		s.say(guest, odd)
	}
	s.say(guest, `{"action":"unsubscribe","channel":"news"}`)
	s.listen(guest, "other")
	s.deliver("news", `5`, "")
	s.deliver("other", `6`, "")
	s.expect(guest, `{"channel":"other","message":6}`)
}

func TestConnect_ChecksCredentials(t *testing.T) {
	t.Parallel()
	s := serve(t, hub.Limits{}, 0)
	s.tokens.Set("elsewhere", identity.Principal{Kind: identity.Service, Subject: "x", Access: []identity.Access{{Plugin: "catalog"}}})
	s.tokens.Set("limited", identity.Principal{Kind: identity.User, Subject: "user:default/jane", Limited: true})
	for token, want := range map[string]string{"forged": "status 401", "limited": "status 401", "elsewhere": "status 403"} {
		if _, err := s.dial(token, nil); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", token, err, want)
		}
	}
	header := http.Header{"Authorization": {"Bearer guest"}}
	conn, err := s.dial("", header)
	if err != nil {
		t.Fatal(err)
	}
	s.listen(conn, "news")
	s.deliver("news", "1", "user:default/guest")
	s.expect(conn, `{"channel":"news","message":1}`)

	// A page of another site makes the browser send the cookie; it is nobody.
	foreign, err := s.dial("", http.Header{"Cookie": {"backstage-auth=guest"}, "Origin": {"https://evil.example"}})
	if err != nil {
		t.Fatal(err)
	}
	s.listen(foreign, "news")
	s.deliver("news", "2", "user:default/guest")
	s.deliver("news", "3", "")
	s.expect(foreign, `{"channel":"news","message":3}`)
}

func TestConnect_ToldWithoutWebSocketSaysWhatToDo(t *testing.T) {
	t.Parallel()
	s := serve(t, hub.Limits{}, 0)
	for path, want := range map[string]int{"": http.StatusUpgradeRequired, "/": http.StatusUpgradeRequired, "/health": http.StatusOK, "/x": http.StatusNotFound} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode != want {
			t.Errorf("%q: status %d, want %d", path, answer.StatusCode, want)
		}
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Upgrade", "websocket") // and nothing else
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode/100 != 4 {
		t.Errorf("half an upgrade: status %d", answer.StatusCode)
	}
}

func TestConnect_EndsForAReason(t *testing.T) {
	t.Parallel()
	t.Run("the replica stops", func(t *testing.T) {
		t.Parallel()
		s := serve(t, hub.Limits{}, 0)
		conn := s.connect("guest")
		s.listen(conn, "news")
		left := s.hub.Close()
		if code := s.ended(conn); code != websocket.StatusServiceRestart {
			t.Errorf("code %d", code)
		}
		<-left
		if _, err := s.dial("guest", nil); err == nil || err.Error() != "status 503" {
			t.Errorf("afterwards: %v", err)
		}
	})
	t.Run("the token is no longer valid", func(t *testing.T) {
		t.Parallel()
		s := serve(t, hub.Limits{}, 10*time.Millisecond)
		conn := s.connect("guest")
		s.listen(conn, "news")
		s.tokens.Revoke("guest")
		if code := s.ended(conn); code != websocket.StatusPolicyViolation {
			t.Errorf("code %d", code)
		}
	})
	t.Run("the client wants too many channels", func(t *testing.T) {
		t.Parallel()
		s := serve(t, hub.Limits{Channels: 3}, 0)
		conn := s.connect("guest")
		for i := range 4 {
			s.say(conn, fmt.Sprintf(`{"action":"subscribe","channel":"%d"}`, i))
		}
		if code := s.ended(conn); code != websocket.StatusPolicyViolation {
			t.Errorf("code %d", code)
		}
	})
	t.Run("the client talks too much", func(t *testing.T) {
		t.Parallel()
		s := serve(t, hub.Limits{}, 0)
		conn := s.connect("guest")
		for range 300 {
			if conn.Write(t.Context(), websocket.MessageText, []byte(`{}`)) != nil {
				break // it is cut already
			}
		}
		if code := s.ended(conn); code != websocket.StatusPolicyViolation {
			t.Errorf("code %d", code)
		}
	})
	t.Run("the client says too much at once", func(t *testing.T) {
		t.Parallel()
		s := serve(t, hub.Limits{}, 0)
		conn := s.connect("guest")
		s.say(conn, strings.Repeat("x", 10_000))
		if code := s.ended(conn); code != websocket.StatusMessageTooBig {
			t.Errorf("code %d", code)
		}
	})
	t.Run("the client does not take its messages", func(t *testing.T) {
		t.Parallel()
		s := serve(t, hub.Limits{Queue: 4}, 0)
		conn := s.connect("guest")
		s.listen(conn, "news")
		large := `"` + strings.Repeat("x", 1<<20) + `"`
		for s.hub.Len() > 0 {
			s.deliver("news", large, "")
			time.Sleep(time.Millisecond) // the kernel's buffers fill in their own time
		}
	})
	t.Run("the client goes", func(t *testing.T) {
		t.Parallel()
		s := serve(t, hub.Limits{}, 0)
		conn := s.connect("guest")
		s.listen(conn, "news")
		_ = conn.CloseNow()
		<-s.hub.Close()
	})
}
