package portal_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/stagedoor/stagedoor/internal/db/dbtest"
)

// A page that is connected to one replica hears of what happens on another,
// through every layer of the server.
func TestReplicas_ShareSignals(t *testing.T) {
	t.Parallel()
	dsn := dbtest.PostgresDSN(t)
	one, two := startReplica(t, dsn), startReplica(t, dsn)
	token := one.token()

	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	conn, answer, err := websocket.Dial(ctx, two.base+"/api/signals", &websocket.DialOptions{Subprotocols: []string{token}})
	if err != nil {
		t.Fatal(err)
	}
	if answer.Body != nil {
		_ = answer.Body.Close()
	}
	// Left open: the replicas must stop all the same.
	heard := make(chan string, 100)
	go func() {
		defer close(heard)
		for {
			_, text, err := conn.Read(ctx)
			if err != nil {
				return
			}
			heard <- string(text)
		}
	}()
	for _, channel := range []string{"user-settings", "notifications"} {
		if err := conn.Write(ctx, websocket.MessageText, []byte(`{"action":"subscribe","channel":"`+channel+`"}`)); err != nil {
			t.Fatal(err)
		}
	}
	// The subscription takes effect in its own time, the signal is not kept.
	one.until("a signal of the other replica", func() bool {
		status, body := one.call(http.MethodPut, "/api/user-settings/buckets/b/keys/k", token, map[string]any{"value": 1})
		if status != http.StatusOK {
			t.Fatalf("set: %d %s", status, body)
		}
		select {
		case text := <-heard:
			if want := `{"channel":"user-settings","message":{"type":"key-changed","key":"k"}}`; text != want {
				t.Fatalf("heard %s, want %s", text, want)
			}
			return true
		case <-time.After(50 * time.Millisecond):
			return false
		}
	})
	if status, body := two.call(http.MethodGet, "/api/user-settings/buckets/b/keys/k", token, nil); status != http.StatusOK || !strings.Contains(string(body), `"value":1`) {
		t.Errorf("on the other replica: %d %s", status, body)
	}
}
