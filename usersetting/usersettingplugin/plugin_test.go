package usersettingplugin_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/plugin/plugintest"
	"github.com/stagedoor/stagedoor/signal"
	"github.com/stagedoor/stagedoor/usersetting"
	"github.com/stagedoor/stagedoor/usersetting/usersettingplugin"
)

// heard keeps the signals that are published.
type heard struct {
	mu      sync.Mutex
	signals []signal.Signal
	fail    error
}

func (h *heard) Publish(_ context.Context, signals ...signal.Signal) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.signals = append(h.signals, signals...)
	return h.fail
}

func serve(t *testing.T, d *db.DB) (*plugintest.Host, *heard, *usersettingplugin.UserSettings) {
	t.Helper()
	signals := &heard{}
	pl := usersettingplugin.New(usersettingplugin.Deps{DB: d, Clock: time.Now, Signals: signals})
	tokens := &plugintest.Tokens{}
	tokens.Set("jane", identity.Principal{Kind: identity.User, Subject: "user:default/jane"})
	return plugintest.New(t, pl, plugintest.Options{Tokens: tokens}), signals, pl
}

func TestRoutes_AnswerAsRecorded(t *testing.T) {
	t.Parallel()
	host, _, _ := serve(t, dbtest.SQLite(t))
	const key = "/api/user-settings/buckets/b1/keys/k1"
	tokens := map[string]string{"user": "guest", "service": "service"}
	for _, step := range []struct {
		name, method, path, auth string
		body                     any
	}{
		{"get-missing", "GET", key, "user", nil},
		{"put", "PUT", key, "user", json.RawMessage(`{"value": {"a": [1, "x"]}}`)},
		{"put-no-value", "PUT", "/api/user-settings/buckets/b1/keys/k2", "user", json.RawMessage(`{}`)},
		{"get", "GET", key, "user", nil},
		{"multiget", "POST", "/api/user-settings/multiget", "user", json.RawMessage(`{"items":[{"bucket":"b1","key":"k1"},{"bucket":"b1","key":"nope"}]}`)},
		{"service", "GET", key, "service", nil},
		{"no-auth", "GET", key, "none", nil},
		{"delete", "DELETE", key, "user", nil},
		{"delete-again", "DELETE", key, "user", nil},
	} {
		w := host.Call(step.method, step.path, tokens[step.auth], step.body)
		want, ok := plugintest.Golden(t, "user-settings/"+step.name)
		if !ok {
			continue
		}
		var got any = ""
		if w.Body.Len() > 0 {
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
				t.Errorf("%s: %v", step.name, err)
			}
		}
		if w.Code != want.Response.Status {
			t.Errorf("%s: status %d, want %d", step.name, w.Code, want.Response.Status)
		}
		if diff := cmp.Diff(want.Response.Body, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", step.name, diff)
		}
	}
}

func TestSettings_BelongToOneUser(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		t.Helper()
		t.Parallel()
		host, signals, pl := serve(t, d)
		put := func(token, bucket, key string, value any) {
			t.Helper()
			path := "/api/user-settings/buckets/" + url.PathEscape(bucket) + "/keys/" + url.PathEscape(key)
			var got map[string]any
			host.Decode("PUT", path, token, map[string]any{"value": value}, http.StatusOK, &got)
			want := map[string]any{"bucket": bucket, "key": key, "value": value}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("put (-want +got)\n%s", diff)
			}
			host.Decode("GET", path, token, nil, http.StatusOK, &got)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("get (-want +got)\n%s", diff)
			}
		}
		put("guest", "b/1 ü", "k:1/x", "one")
		put("guest", "b/1 ü", "k:1/x", "two")
		put("jane", "b/1 ü", "k:1/x", nil)
		put("guest", "b", "k", map[string]any{"deep": []any{true, 1.5, "<&>\u2028"}})

		var many struct{ Items []*struct{ Value any } }
		host.Decode("POST", "/api/user-settings/multiget", "guest", map[string]any{"items": []usersetting.Key{
			{Bucket: "b", Key: "nope"}, {Bucket: "b/1 ü", Key: "k:1/x"}, {Bucket: "b", Key: "k:1/x"}, {Bucket: "b/1 ü", Key: "k:1/x"},
		}}, http.StatusOK, &many)
		if len(many.Items) != 4 || many.Items[0] != nil || many.Items[1].Value != "two" || many.Items[2] != nil || many.Items[3].Value != "two" {
			t.Errorf("multiget gives %+v", many.Items)
		}
		host.Decode("POST", "/api/user-settings/multiget", "jane", map[string]any{"items": []usersetting.Key{{Bucket: "b/1 ü", Key: "k:1/x"}}}, http.StatusOK, &many)
		if len(many.Items) != 1 || many.Items[0] == nil || many.Items[0].Value != nil {
			t.Errorf("a null value is no value: %+v", many.Items)
		}

		// In-process users see the same, whatever the case of the ref.
		if err := pl.Settings().Set(t.Context(), "User:Default/Jane", usersetting.Key{Bucket: "b", Key: "own"}, json.RawMessage(` { "x" : 1 } `)); err != nil {
			t.Fatal(err)
		}
		host.Decode("GET", "/api/user-settings/buckets/b/keys/own", "guest", nil, http.StatusNotFound, nil)
		host.Decode("GET", "/api/user-settings/buckets/b/keys/own", "jane", nil, http.StatusOK, nil)
		host.Decode("DELETE", "/api/user-settings/buckets/b/keys/own", "jane", nil, http.StatusNoContent, nil)
		host.Decode("GET", "/api/user-settings/buckets/b/keys/own", "jane", nil, http.StatusNotFound, nil)

		var got []string
		for _, s := range signals.signals {
			got = append(got, fmt.Sprintf("%s %v %v %v", s.Channel, s.Recipients, s.Everyone, s.Message))
		}
		want := []string{
			"user-settings [user:default/guest] false {key-changed k:1/x}", "user-settings [user:default/guest] false {key-changed k:1/x}",
			"user-settings [user:default/jane] false {key-changed k:1/x}", "user-settings [user:default/guest] false {key-changed k}",
			"user-settings [User:Default/Jane] false {key-changed own}", "user-settings [user:default/jane] false {key-deleted own}",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("signals (-want +got)\n%s", diff)
		}
	})
}

func TestSettings_HaveLimits(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		t.Helper()
		t.Parallel()
		host, signals, _ := serve(t, d)
		signals.fail = errors.New("nobody listens") // which stops nobody
		long := strings.Repeat("x", 256)
		items := make([]usersetting.Key, 1001)
		for i := range items {
			items[i] = usersetting.Key{Bucket: "b", Key: fmt.Sprint(i)}
		}
		for name, tc := range map[string]struct {
			method, path string
			body         any
			status       int
		}{
			"a long value":                {"PUT", "buckets/b/keys/k", map[string]any{"value": strings.Repeat("x", 1<<20)}, http.StatusRequestEntityTooLarge},
			"a long value that fits":      {"PUT", "buckets/b/keys/k", map[string]any{"value": strings.Repeat("x", 1<<20-2)}, http.StatusOK},
			"a long bucket":               {"PUT", "buckets/" + long + "/keys/k", map[string]any{"value": 1}, http.StatusBadRequest},
			"a long key":                  {"PUT", "buckets/b/keys/" + long, map[string]any{"value": 1}, http.StatusBadRequest},
			"a zero byte":                 {"GET", "buckets/b/keys/%00", nil, http.StatusBadRequest},
			"broken text":                 {"DELETE", "buckets/%ff/keys/x", nil, http.StatusBadRequest},
			"many keys":                   {"POST", "multiget", map[string]any{"items": items}, http.StatusRequestEntityTooLarge},
			"many keys that fit":          {"POST", "multiget", map[string]any{"items": items[1:]}, http.StatusOK},
			"no items":                    {"POST", "multiget", map[string]any{}, http.StatusBadRequest},
			"items without a key":         {"POST", "multiget", map[string]any{"items": []any{map[string]any{"bucket": "b"}}}, http.StatusBadRequest},
			"an empty list":               {"POST", "multiget", map[string]any{"items": []any{}}, http.StatusOK},
			"a body that is no object":    {"PUT", "buckets/b/keys/k", []any{}, http.StatusBadRequest},
			"a body that is no JSON":      {"PUT", "buckets/b/keys/k", json.RawMessage(`{"value":`), http.StatusBadRequest},
			"a method that there is not":  {"PATCH", "buckets/b/keys/k", map[string]any{}, http.StatusNotFound},
			"a value nobody gave a shape": {"PUT", "buckets/b/keys/n", json.RawMessage(`{"value":1e400}`), http.StatusOK},
		} {
			if w := host.Call(tc.method, "/api/user-settings/"+tc.path, "guest", tc.body); w.Code != tc.status {
				t.Errorf("%s: status %d, want %d: %.200s", name, w.Code, tc.status, w.Body)
			}
		}
	})
}
