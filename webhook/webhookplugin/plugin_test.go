package webhookplugin_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/audit/audittest"
	"github.com/stagedoor/stagedoor/internal/events"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/httpx"
	"github.com/stagedoor/stagedoor/plugin"
	"github.com/stagedoor/stagedoor/webhook/webhookplugin"
)

// topics is a configuration that opens one topic.
type topics []string

func (topics) Has(string) bool      { return true }
func (topics) Keys(string) []string { return nil }
func (topics) Subscribe(func())     {}
func (c topics) Decode(path string, into any) error {
	if path == "events.http.topics" {
		*into.(*[]string) = c
	}
	return nil
}

type routes struct{ mux *httpx.Mux }

func (r routes) Handle(pattern string, _ plugin.Access, h func(http.ResponseWriter, *http.Request) error) {
	r.mux.Handle(pattern, httpx.AllowAnonymous, h)
}

func TestReceive_PublishesWhatPassesTheCheck(t *testing.T) {
	t.Parallel()
	bus := &events.Bus{}
	hook := webhookplugin.New(bus)
	hook.Receive("signed", func(_ context.Context, h http.Header, body []byte) error {
		if h.Get("X-Signature") != "of "+string(body) {
			return fault.New(fault.Forbidden, "the signature is wrong")
		}
		return nil
	})
	var got []events.Event
	keep := func(_ context.Context, e events.Event) error { got = append(got, e); return nil }
	bus.Subscribe("signed", keep)
	bus.Subscribe("open", keep)
	bus.Subscribe("broken", func(context.Context, events.Event) error { return errors.New("later") })

	log := &audittest.Fake{}
	mux := httpx.NewMux("events", "/api/events", httpx.Guard{})
	host := &plugin.Host{Config: topics{"open", "broken", "signed"}, Logger: slog.New(slog.DiscardHandler), HTTP: routes{mux}, Audit: log, Clock: time.Now}
	if err := hook.Init(t.Context(), host); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		topic, body, signature string
		want                   int
	}{
		"a signed message":                 {"signed", `{"a":1}`, `of {"a":1}`, http.StatusAccepted},
		"a forged message":                 {"signed", `{"a":2}`, `of {"a":1}`, http.StatusForbidden},
		"an open topic":                    {"open", `{"a":3}`, "", http.StatusAccepted},
		"a topic nobody opened":            {"closed", `{}`, "", http.StatusNotFound},
		"no JSON":                          {"open", `nope`, "", http.StatusBadRequest},
		"a subscriber that cannot take it": {"broken", `{}`, "", http.StatusServiceUnavailable},
	} {
		r := httptest.NewRequest(http.MethodPost, "/api/events/http/"+tc.topic, strings.NewReader(tc.body))
		r.Header.Set("X-Signature", tc.signature)
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, r)
		if w.Code != tc.want {
			t.Errorf("%s: %d, want %d: %s", name, w.Code, tc.want, w.Body)
		}
	}
	lines := log.Lines()
	slices.Sort(lines)
	if diff := cmp.Diff([]string{
		"events.event-receive failed broken take in the event: deliver broken event: later", "events.event-receive failed open The message is not JSON: invalid character 'o' in literal null (expecting 'u')",
		"events.event-receive failed signed the signature is wrong", "events.event-receive succeeded open", "events.event-receive succeeded signed",
	}, lines); diff != "" {
		t.Errorf("audited (-want +got)\n%s", diff)
	}
	if len(got) != 2 {
		t.Fatalf("%d events were published, want the signed one and the open one", len(got))
	}
	for _, e := range got {
		if e.Topic == "signed" && (e.Metadata["x-signature"] != `of {"a":1}` || e.Payload.(map[string]any)["a"] != 1.0) {
			t.Errorf("event %+v", e)
		}
	}
}

// Anybody may send messages, but not fill the audit log with them.
func TestReceive_NotesRefusedMessagesOncePerBurst(t *testing.T) {
	t.Parallel()
	hook, log, now := webhookplugin.New(&events.Bus{}), &audittest.Fake{}, time.Unix(1000, 0)
	hook.Receive("signed", func(context.Context, http.Header, []byte) error { return fault.New(fault.Forbidden, "forged") })
	mux := httpx.NewMux("events", "/api/events", httpx.Guard{})
	if err := hook.Init(t.Context(), &plugin.Host{
		Config: topics{}, Logger: slog.New(slog.DiscardHandler), HTTP: routes{mux}, Audit: log, Clock: func() time.Time { return now },
	}); err != nil {
		t.Fatal(err)
	}
	send := func() {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/api/events/http/signed", strings.NewReader(`{}`)))
		if w.Code != http.StatusForbidden {
			t.Fatalf("got %d", w.Code)
		}
	}
	for range 50 {
		send()
	}
	now = now.Add(11 * time.Second)
	send()
	told := log.Events()
	if len(told) != 2 || told[0].Meta["notToldBefore"] != nil || told[1].Meta["notToldBefore"] != 49 {
		t.Errorf("got %+v, want the first one, and a later one that counts the others", told)
	}
}
