package notificationplugin_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/stagedoor/stagedoor/audit/audittest"
	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/catalog/catalogtest"
	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/notification"
	"github.com/stagedoor/stagedoor/notification/internal/rest"
	"github.com/stagedoor/stagedoor/notification/notificationplugin"
	"github.com/stagedoor/stagedoor/plugin/plugintest"
	"github.com/stagedoor/stagedoor/signal"
)

// heard keeps the signals that are published.
type heard struct {
	mu      sync.Mutex
	signals []string
	fail    error
}

func (h *heard) Publish(_ context.Context, signals ...signal.Signal) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range signals {
		raw, err := json.Marshal(s.Message)
		if err != nil {
			return err
		}
		h.signals = append(h.signals, fmt.Sprintf("%s %v %v %s", s.Channel, s.Recipients, s.Everyone, raw))
	}
	return h.fail
}

func (h *heard) take() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := h.signals
	h.signals = nil
	return out
}

type portal struct {
	*plugintest.Host
	t       *testing.T
	signals *heard
	catalog *catalogtest.Catalog
	sender  notification.Sender
	now     time.Time
	audit   audittest.Fake
}

func entity(kind, name string, relations ...string) catalog.Entity {
	var list []any
	for _, r := range relations {
		kind, target, _ := strings.Cut(r, " ")
		list = append(list, map[string]any{"type": kind, "targetRef": target})
	}
	return catalog.Entity{
		"apiVersion": "backstage.io/v1alpha1", "kind": kind, "metadata": map[string]any{"name": name},
		"spec": map[string]any{}, "relations": list,
	}
}

func open(t *testing.T, d *db.DB, config map[string]any, strict bool) *portal {
	t.Helper()
	p := &portal{t: t, signals: &heard{}, now: time.UnixMicro(1_800_000_000_123_456)}
	clock := func() time.Time { return p.now }
	p.catalog = catalogtest.New(
		entity("User", "guest", "memberOf group:default/guests"),
		entity("Group", "guests", "hasMember user:default/guest"),
		entity("Group", "company", "parentOf group:default/guests", "parentOf group:default/team", "ownerOf component:default/web"),
		entity("Group", "team", "hasMember user:default/jane", "hasMember user:default/john", "parentOf group:default/company", "childOf group:default/company"),
		entity("Component", "web", "ownedBy group:default/team", "partOf system:default/x"),
		entity("System", "x"),
	)
	pl := notificationplugin.New(notificationplugin.Deps{DB: d, Clock: clock, NewID: uuid.NewString, Signals: p.signals, Strict: strict})
	tokens := &plugintest.Tokens{}
	tokens.Set("jane", identity.Principal{Kind: identity.User, Subject: "user:default/jane"})
	options := plugintest.Options{Audit: &p.audit, Tokens: tokens, Reader: p.catalog, Config: config, Clock: clock}
	if !strict { // where times are numbers
		options.Document = rest.OpenAPI()
	}
	p.Host = plugintest.New(t, pl, options)
	p.sender = pl.Sender()
	return p
}

const base = "/api/notifications"

// item is a notification on the wire.
type item struct {
	ID                   string
	User                 *string
	Created              string
	Saved, Read, Updated any
	Origin               string
	Payload              map[string]any
}

type page struct {
	TotalCount    int
	Notifications []item
}

func (p *portal) list(token, query string) page {
	p.t.Helper()
	var got page
	p.Decode("GET", base+"/notifications"+query, token, nil, http.StatusOK, &got)
	return got
}

func titles(items []item) []string {
	out := []string{}
	for _, n := range items {
		out = append(out, n.Payload["title"].(string))
	}
	return out
}

func (p *portal) send(m notification.Message) []notification.Notification {
	p.t.Helper()
	p.now = p.now.Add(time.Second)
	if m.Origin == "" {
		m.Origin = "test"
	}
	sent, err := p.sender.Send(p.t.Context(), m)
	if err != nil {
		p.t.Fatal(err)
	}
	return sent
}

var (
	anyID   = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	anyDate = regexp.MustCompile(`"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"`)
	anyTime = regexp.MustCompile(`\b1[78]\d{11}\b`)
)

// normal takes out of an answer what is different every time.
func normal(t *testing.T, v any) any {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	text := anyID.ReplaceAllString(string(raw), "ID")
	text = anyDate.ReplaceAllString(text, `"DATE"`)
	text = anyTime.ReplaceAllString(strings.ReplaceAll(text, "e+12", ""), "0")
	var out any
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return out
}

func TestRoutes_AnswerAsRecorded(t *testing.T) {
	t.Parallel()
	p := open(t, dbtest.SQLite(t), nil, true)
	tokens := map[string]string{"user": "guest", "service": "service"}
	group := map[string]any{"type": "entity", "entityRef": "group:default/guests"}
	everyone := map[string]any{"type": "broadcast"}
	note := ""
	for _, step := range []struct {
		name, method, path, auth string
		body                     any
	}{
		{"list-empty", "GET", "/notifications", "user", nil},
		{"status-empty", "GET", "/status", "user", nil},
		{"send-user-forbidden", "POST", "/notifications", "user", map[string]any{"recipients": everyone, "payload": map[string]any{"title": "x"}}},
		{"send", "POST", "/notifications", "service", map[string]any{
			"recipients": map[string]any{"type": "entity", "entityRef": "user:default/guest"},
			"payload":    map[string]any{"title": "Hello", "description": "World", "link": "/catalog", "severity": "high", "topic": "greetings"},
		}},
		{"send-group", "POST", "/notifications", "service", map[string]any{
			"recipients": map[string]any{"type": "entity", "entityRef": []string{"group:default/guests"}},
			"payload":    map[string]any{"title": "To the group", "scope": "s1"},
		}},
		{"send-same-scope", "POST", "/notifications", "service", map[string]any{
			"recipients": group, "payload": map[string]any{"title": "To the group, again", "scope": "s1"},
		}},
		{"send-broadcast", "POST", "/notifications", "service", map[string]any{"recipients": everyone, "payload": map[string]any{"title": "To all", "severity": "low"}}},
		{"send-no-title", "POST", "/notifications", "service", map[string]any{"recipients": everyone, "payload": map[string]any{}}},
		{"send-no-recipients", "POST", "/notifications", "service", map[string]any{"payload": map[string]any{"title": "x"}}},
		{"list", "GET", "/notifications", "user", nil},
		{"list-search", "GET", "/notifications?search=hello&limit=1&orderField=created,desc", "user", nil},
		{"list-unread", "GET", "/notifications?read=false&minimumSeverity=high", "user", nil},
		{"topics", "GET", "/topics", "user", nil},
		{"get", "GET", "/notifications/NOTE", "user", nil},
		{"get-missing", "GET", "/notifications/00000000-0000-0000-0000-000000000000", "user", nil},
		{"update-read", "POST", "/notifications/update", "user", map[string]any{"ids": []string{"NOTE"}, "read": true, "saved": true}},
		{"update-none", "POST", "/notifications/update", "user", map[string]any{}},
		{"status", "GET", "/status", "user", nil},
		{"settings", "GET", "/settings", "user", nil},
		{"no-auth", "GET", "/notifications", "none", nil},
	} {
		p.now = p.now.Add(time.Second)
		if update, ok := step.body.(map[string]any); ok && update["ids"] != nil {
			update["ids"] = []string{note}
		}
		w := p.Call(step.method, base+strings.ReplaceAll(step.path, "NOTE", note), tokens[step.auth], step.body)
		var got any
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Errorf("%s: %v", step.name, err)
		}
		if step.name == "send" {
			note = got.([]any)[0].(map[string]any)["id"].(string)
		}
		want, ok := plugintest.Golden(t, "notifications/"+step.name)
		if !ok {
			continue
		}
		if w.Code != want.Response.Status {
			t.Errorf("%s: status %d, want %d", step.name, w.Code, want.Response.Status)
		}
		if diff := cmp.Diff(normal(t, want.Response.Body), normal(t, got)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", step.name, diff)
		}
	}
}

func TestList_Filters(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		t.Helper()
		t.Parallel()
		p := open(t, d, nil, false)
		guest := []string{"user:default/guest"}
		p.send(notification.Message{Recipients: guest, Payload: notification.Payload{Title: "Alpha", Topic: "one", Severity: notification.Critical, Metadata: map[string]any{"k": []any{1.0}}}})
		middle := p.send(notification.Message{Recipients: guest, Payload: notification.Payload{Title: "beta", Description: "100% ÄRGER", Topic: "two", Severity: "HIGH"}})
		p.send(notification.Message{Everyone: true, Payload: notification.Payload{Title: "gamma_ray", Severity: "unheard of"}})
		p.send(notification.Message{Recipients: guest, Payload: notification.Payload{Title: "delta", Topic: "one", Severity: notification.Low, Icon: "moon", Link: "https://example.com/x"}})
		p.send(notification.Message{Recipients: []string{"user:default/jane"}, Payload: notification.Payload{Title: "not yours", Topic: "secret"}})
		p.Decode("POST", base+"/update", "guest", map[string]any{"ids": []string{middle[0].ID, "nope"}, "read": true}, http.StatusOK, nil)

		after := p.now.Add(-2500 * time.Millisecond).UTC().Format(time.RFC3339Nano)
		for query, want := range map[string][]string{
			"":                                {"delta", "gamma_ray", "beta", "Alpha"},
			"?limit=0":                        {"delta", "gamma_ray", "beta", "Alpha"},
			"?limit=2":                        {"delta", "gamma_ray"},
			"?limit=2&offset=3":               {"Alpha"},
			"?offset=3":                       {"Alpha"},
			"?orderField=created,asc&limit=1": {"Alpha"},
			"?orderField=topic,asc&orderField=created,desc":      {"gamma_ray", "delta", "Alpha", "beta"},
			"?orderField[0]=severity&orderField[1]=created,desc": {"Alpha", "beta", "gamma_ray", "delta"},
			"?topic=one":                        {"delta", "Alpha"},
			"?search=ALPHA":                     {"Alpha"},
			"?search=%25":                       {"beta"},
			"?search=a_r":                       {"gamma_ray"},
			"?search=%C3%A4rger":                {"beta"},
			"?search=":                          {"delta", "gamma_ray", "beta", "Alpha"},
			"?read=true":                        {"beta"},
			"?read=false&limit=1":               {"delta"},
			"?saved=true":                       {},
			"?saved=false&read=true":            {"beta"},
			"?minimumSeverity=normal":           {"gamma_ray", "beta", "Alpha"},
			"?minimumSeverity=critical":         {"Alpha"},
			"?minimumSeverity=odd":              {"gamma_ray", "beta", "Alpha"},
			"?createdAfter=" + after:            {"delta", "gamma_ray"},
			"?createdAfter=2100-01-01":          {},
			"?unknown=x":                        {"delta", "gamma_ray", "beta", "Alpha"},
			"?topic=one&search=x&read=false":    {},
			"?orderField=read,desc&limit=1":     {"beta"},
			"?search=secret":                    {},
			"?minimumSeverity=low&topic=secret": {},
		} {
			if diff := cmp.Diff(want, titles(p.list("guest", query).Notifications)); diff != "" {
				t.Errorf("%s (-want +got)\n%s", query, diff)
			}
		}
		if got := p.list("guest", "?limit=1&offset=1&minimumSeverity=high"); got.TotalCount != 2 || len(got.Notifications) != 1 {
			t.Errorf("the total counts all pages: %+v", got)
		}
		for query, message := range map[string]string{
			"?limit=x":              "request/query/limit must be integer",
			"?offset=-1":            "request/query/offset must be >= 0",
			"?orderField=created,x": "Invalid order field order, must be asc or desc",
			"?orderField=n.id;--":   "Invalid order field 'n.id;--'",
			"?createdAfter=soon":    "Unexpected date format",
			"?read=maybe":           "request/query/read must be boolean",
		} {
			w := p.Call("GET", base+"/"+query, "guest", nil)
			if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), message) {
				t.Errorf("%s: %d %s", query, w.Code, w.Body)
			}
		}
		var topics struct{ Topics []string }
		for query, want := range map[string][]string{"": {"one", "two"}, "?read=true": {"two"}, "?search=zzz": {}} {
			p.Decode("GET", base+"/topics"+query, "guest", nil, http.StatusOK, &topics)
			if diff := cmp.Diff(want, topics.Topics); diff != "" {
				t.Errorf("topics%s (-want +got)\n%s", query, diff)
			}
		}
		first := p.list("guest", "?search=alpha").Notifications[0]
		if diff := cmp.Diff(map[string]any{
			"title": "Alpha", "description": nil, "link": nil, "topic": "one", "severity": "critical", "scope": nil, "icon": nil,
			"metadata": map[string]any{"k": []any{1.0}},
		}, first.Payload); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
		if read := p.list("guest", "?read=true").Notifications[0].Read; read != p.now.UTC().Format("2006-01-02T15:04:05.000Z") {
			t.Errorf("read %v", read)
		}
	})
}

func TestSend_FindsTheUsersBehindRefs(t *testing.T) {
	t.Parallel()
	p := open(t, dbtest.SQLite(t), nil, false)
	for name, tc := range map[string]struct{ to, except, want []string }{
		"a user as is, known or not":       {[]string{"User:default/Nobody", "user:nobody"}, nil, []string{"user:default/nobody"}},
		"a group's members":                {[]string{"group:team"}, nil, []string{"user:default/guest", "user:default/jane", "user:default/john"}},
		"also in a circle of groups":       {[]string{"group:default/company"}, nil, []string{"user:default/guest", "user:default/jane", "user:default/john"}},
		"anything else goes to its owner":  {[]string{"component:default/web"}, []string{"group:default/company"}, []string{"user:default/jane", "user:default/john"}},
		"without who is excepted":          {[]string{"group:default/company"}, []string{"User:Default/Jane", "group:default/guests"}, []string{"user:default/john"}},
		"nobody owns it":                   {[]string{"system:default/x", "group:default/unknown"}, nil, nil},
		"no recipients are no recipients":  {[]string{}, nil, nil},
		"somebody is excepted from itself": {[]string{"user:default/jane"}, []string{"user:default/jane"}, nil},
	} {
		sent := p.send(notification.Message{Recipients: tc.to, Except: tc.except, Payload: notification.Payload{Title: "x"}})
		var got []string
		for _, n := range sent {
			got = append(got, n.User)
		}
		slices.Sort(got)
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
	p.signals.take()
	sent := p.send(notification.Message{Recipients: []string{"group:default/guests"}, Payload: notification.Payload{Title: "x"}})
	all := p.send(notification.Message{Everyone: true, Payload: notification.Payload{Title: "x"}})
	want := []string{
		`notifications [user:default/guest] false {"action":"new_notification","notification_id":"` + sent[0].ID + `"}`,
		`notifications [] true {"action":"new_notification","notification_id":"` + all[0].ID + `"}`,
	}
	if diff := cmp.Diff(want, p.signals.take()); diff != "" {
		t.Errorf("signals (-want +got)\n%s", diff)
	}
}

func TestSend_RefusesWhatIsWrong(t *testing.T) {
	t.Parallel()
	p := open(t, dbtest.SQLite(t), nil, false)
	entity := func(refs any) map[string]any { return map[string]any{"type": "entity", "entityRef": refs} }
	title := map[string]any{"title": "x"}
	for name, tc := range map[string]struct {
		recipients, payload any
		message             string
	}{
		"no title":             {entity("user:a"), map[string]any{}, "request/body/payload must have required property 'title'"},
		"an empty title":       {entity("user:a"), map[string]any{"title": ""}, "missing title"},
		"no ref":               {map[string]any{"type": "entity"}, title, "must have required property 'entityRef'"},
		"no type":              {map[string]any{}, title, "must have required property 'type'"},
		"another type":         {map[string]any{"type": "all"}, title, "must be equal to one of the allowed values"},
		"a ref without a kind": {entity("jane"), title, "Failed to resolve notification receivers; caused by"},
		"a ref of no text":     {entity([]any{1}), title, "request/body/recipients/entityRef/0 must be string"},
		"an evil link":         {entity("user:a"), map[string]any{"title": "x", "link": "javascript:alert(1)"}, "Only HTTP/HTTPS links are allowed"},
		"an evil link behind":  {entity("user:a"), map[string]any{"title": "x", "link": " \tJavaScript:alert(1)"}, "link"},
		"a broken link":        {entity("user:a"), map[string]any{"title": "x", "link": "http://[x"}, "Invalid link"},
		"a severity":           {entity("user:a"), map[string]any{"title": "x", "severity": "loud"}, "must be equal to one of the allowed values: critical, high, normal, low"},
		"a long title":         {entity("user:a"), map[string]any{"title": strings.Repeat("x", 1001)}, "the title of a notification may have 1000 bytes"},
		"a zero byte":          {entity("user:a"), map[string]any{"title": "x\x00"}, "must be text"},
	} {
		w := p.Call("POST", base+"/", "service", map[string]any{"recipients": tc.recipients, "payload": tc.payload})
		var got struct{ Error struct{ Message string } }
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if w.Code != http.StatusBadRequest || !strings.Contains(got.Error.Message, tc.message) {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	if _, err := p.sender.Send(t.Context(), notification.Message{}); !fault.Is(err, fault.Invalid) || err.Error() != "Invalid notification request received: missing title, recipients" {
		t.Errorf("in process: %v", err)
	}
	if got := p.signals.take(); got != nil {
		t.Errorf("signals %v", got)
	}
}

func TestScope_ReplacesTheEarlierOne(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		t.Helper()
		t.Parallel()
		p := open(t, d, nil, false)
		p.signals.fail = errors.New("nobody listens") // which stops nothing
		send := func(origin, title string, to ...string) []notification.Notification {
			t.Helper()
			return p.send(notification.Message{
				Origin: origin, Recipients: to, Everyone: len(to) == 0,
				Payload: notification.Payload{Title: title, Scope: "build", Topic: title, Metadata: map[string]any{"t": title}},
			})
		}
		first := send("ci", "failed", "user:default/guest", "user:default/jane")
		p.Decode("POST", base+"/notifications/update", "guest", map[string]any{"ids": []string{first[0].ID}, "read": true, "saved": true}, http.StatusOK, nil)
		p.Decode("POST", base+"/notifications/update", "guest", map[string]any{"ids": []string{first[1].ID}, "read": true}, http.StatusOK, nil)
		if got := p.list("jane", "?read=true"); got.TotalCount != 0 {
			t.Errorf("guest read what is jane's: %+v", got)
		}
		second := send("ci", "fixed", "user:default/guest", "user:default/john")
		if second[0].ID != first[0].ID || !second[0].Created.Equal(first[0].Created) || !second[0].Updated.After(first[0].Created) ||
			second[0].Saved.IsZero() || !second[0].Read.IsZero() {
			t.Errorf("the second is %+v, the first was %+v", second[0], first[0])
		}
		if !second[1].Updated.IsZero() {
			t.Errorf("john had none before: %+v", second[1])
		}
		send("other", "elsewhere", "user:default/guest")
		got := p.list("guest", "").Notifications
		if diff := cmp.Diff([]string{"elsewhere", "fixed"}, titles(got)); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
		if n := got[1]; n.Read != nil || n.Saved == nil || n.Updated == nil || n.Payload["topic"] != "fixed" || !cmp.Equal(n.Payload["metadata"], map[string]any{"t": "fixed"}) {
			t.Errorf("got %+v", n)
		}
		if diff := cmp.Diff([]string{"failed"}, titles(p.list("jane", "").Notifications)); diff != "" {
			t.Errorf("jane (-want +got)\n%s", diff)
		}

		all := send("ci", "maintenance")
		p.Decode("POST", base+"/notifications/update", "jane", map[string]any{"ids": []string{all[0].ID}, "read": true}, http.StatusOK, nil)
		if again := send("ci", "maintenance over"); again[0].ID != all[0].ID {
			t.Errorf("another broadcast: %+v", again)
		}
		got = p.list("jane", "?read=false&search=over").Notifications
		if len(got) != 1 || got[0].User != nil {
			t.Errorf("the broadcast is unread again and nobody's: %+v", got)
		}
	})
}

func TestSend_StoresForManyAtOnce(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		t.Helper()
		t.Parallel()
		p := open(t, d, nil, false)
		var members []string
		for i := range 500 {
			members = append(members, fmt.Sprintf("hasMember user:default/u%d", i))
		}
		p.catalog.Put(entity("Group", "crowd", members...))
		for range 2 {
			sent := p.send(notification.Message{Recipients: []string{"group:default/crowd"}, Payload: notification.Payload{Title: "x", Scope: "s"}})
			if len(sent) != 500 || sent[0].ID == sent[499].ID || sent[499].User != "user:default/u499" {
				t.Errorf("%d notifications", len(sent))
			}
		}
		if got := len(p.signals.take()); got != 1000 {
			t.Errorf("%d signals", got)
		}
		var ids []string
		for range 450 {
			sent := p.send(notification.Message{Recipients: []string{"user:default/guest"}, Payload: notification.Payload{Title: "x"}})
			ids = append(ids, sent[0].ID)
		}
		var marked []item
		p.Decode("POST", base+"/notifications/update", "guest", map[string]any{"ids": ids, "read": true}, http.StatusOK, &marked)
		var status struct{ Unread, Read int }
		p.Decode("GET", base+"/status", "guest", nil, http.StatusOK, &status)
		if len(marked) != 450 || status.Unread != 0 || status.Read != 450 {
			t.Errorf("%d marked, %+v", len(marked), status)
		}
		p.Decode("POST", base+"/notifications/update", "guest", map[string]any{"ids": ids[:1], "read": false, "saved": false}, http.StatusOK, nil)
		p.Decode("GET", base+"/status", "guest", nil, http.StatusOK, &status)
		if status.Unread != 1 {
			t.Errorf("%+v", status)
		}
		got := p.signals.take()
		if last := got[len(got)-1]; !strings.HasSuffix(last, `{"action":"notification_unread","notification_ids":["`+ids[0]+`"]}`) {
			t.Errorf("signal %s", last)
		}

		// A year later all of it goes, but for what is new.
		p.now = p.now.Add(366 * 24 * time.Hour)
		p.send(notification.Message{Recipients: []string{"group:default/crowd"}, Payload: notification.Payload{Title: "x", Scope: "s"}})
		if err := p.Tasks["notification-cleaner"].Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		for table, want := range map[string]int{"notification_item": 500, "notification_state": 0} {
			var n int
			if err := d.Read().QueryRowContext(t.Context(), "SELECT count(*) FROM "+table).Scan(&n); err != nil || n != want {
				t.Errorf("%s has %d rows, want %d: %v", table, n, want, err)
			}
		}
	})
}

func TestRetention_IsConfigured(t *testing.T) {
	t.Parallel()
	p := open(t, dbtest.SQLite(t), map[string]any{"notifications": map[string]any{"retention": false}}, false)
	p.send(notification.Message{Everyone: true, Payload: notification.Payload{Title: "x"}})
	p.now = p.now.Add(10 * 365 * 24 * time.Hour)
	sweep := func(retention any, left int) {
		t.Helper()
		p.Config.Replace(map[string]any{"notifications": map[string]any{"retention": retention}})
		if err := p.Tasks["notification-cleaner"].Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := p.list("guest", "").TotalCount; got != left {
			t.Errorf("retention %v leaves %d", retention, got)
		}
	}
	sweep(false, 1)
	sweep(map[string]any{"years": 11}, 1)
	sweep("PT0S", 1) // no duration at all keeps what was there
	sweep("P1D", 0)
}

func TestSettings_DecideWhoIsNotified(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		t.Helper()
		t.Parallel()
		on, off := map[string]any{"enabled": true}, map[string]any{"enabled": false}
		part := func(id string, enabled map[string]any, more ...any) map[string]any {
			return map[string]any{"id": id, "enabled": enabled["enabled"], "topics": append([]any{}, more...)}
		}
		channel := func(origins ...any) map[string]any {
			return map[string]any{"channels": []any{map[string]any{"id": "Web", "origins": append([]any{}, origins...)}}}
		}
		p := open(t, d, map[string]any{"notifications": map[string]any{"defaultSettings": channel(part("noise", off, part("fire", on)))}}, false)
		gets := func(want bool, origin, topic string) {
			t.Helper()
			sent := p.send(notification.Message{Origin: origin, Recipients: []string{"user:default/guest"}, Payload: notification.Payload{Title: "x", Topic: topic}})
			if got := len(sent) == 1; got != want {
				t.Errorf("%s %s: sent %v, want %v", origin, topic, got, want)
			}
		}
		settings := func() (got map[string]any) {
			t.Helper()
			p.Decode("GET", base+"/settings", "guest", nil, http.StatusOK, &got)
			return got
		}
		want := func(name string, wanted, got map[string]any) {
			t.Helper()
			raw, err := json.Marshal(wanted)
			if err != nil {
				t.Fatal(err)
			}
			var plain map[string]any
			if err := json.Unmarshal(raw, &plain); err != nil {
				t.Fatal(err)
			}
			for _, c := range got["channels"].([]any) {
				for _, o := range c.(map[string]any)["origins"].([]any) {
					for _, topic := range o.(map[string]any)["topics"].([]any) {
						topic.(map[string]any)["topics"] = []any{} // part writes them
					}
				}
			}
			if diff := cmp.Diff(plain, got); diff != "" {
				t.Errorf("%s (-want +got)\n%s", name, diff)
			}
		}
		gets(false, "noise", "")
		gets(true, "Noise", "Fire")
		gets(true, "ci", "builds")
		want("at first", channel(part("Noise", off, part("Fire", on)), part("ci", on, part("builds", on))), settings())

		var saved map[string]any
		mine := channel(part("ci", off, part("alarms", on)), part("noise", on))
		p.Decode("POST", base+"/settings", "guest", mine, http.StatusOK, &saved)
		gets(false, "ci", "")
		gets(false, "ci", "builds")
		gets(true, "CI", "alarms")
		gets(true, "noise", "water")
		gets(true, "elsewhere", "")
		after := settings()
		if len(after["channels"].([]any)[0].(map[string]any)["origins"].([]any)) < 3 {
			t.Errorf("settings %v", after)
		}

		none := map[string]any{"channels": []any{map[string]any{"id": "Web", "enabled": false, "origins": []any{part("ci", on)}}}}
		p.Decode("POST", base+"/settings", "guest", none, http.StatusOK, &saved)
		gets(false, "elsewhere", "")
		gets(false, "noise", "fire")
		gets(true, "ci", "builds")
		p.send(notification.Message{Everyone: true, Payload: notification.Payload{Title: "for all"}})
		if got := titles(p.list("guest", "?limit=1").Notifications); !slices.Equal(got, []string{"for all"}) {
			t.Errorf("what is for everyone is for everyone: %v", got)
		}
		for name, body := range map[string]any{
			"an unknown channel": map[string]any{"channels": []any{map[string]any{"id": "Pigeon", "origins": []any{}}}},
			"no channels":        map[string]any{},
			"no origins":         map[string]any{"channels": []any{map[string]any{"id": "Web"}}},
		} {
			if w := p.Call("POST", base+"/settings", "guest", body); w.Code != http.StatusBadRequest {
				t.Errorf("%s: %d %s", name, w.Code, w.Body)
			}
		}
		p.Decode("GET", base+"/settings", "service", nil, http.StatusForbidden, nil)
	})
}

func TestRoutes_KeepTheirOldNames(t *testing.T) {
	t.Parallel()
	p := open(t, dbtest.SQLite(t), nil, false)
	var sent []item
	p.Decode("POST", base, "service", map[string]any{
		"recipients": map[string]any{"type": "entity", "entityRef": "user:default/guest", "excludeEntityRef": "user:default/jane"},
		"payload":    map[string]any{"title": "x", "metadata": map[string]any{"a": 1}},
	}, http.StatusOK, &sent)
	var one item
	p.Decode("GET", base+"/"+sent[0].ID, "guest", nil, http.StatusOK, &one)
	if one.Origin != "peer-bench" || one.Payload["title"] != "x" {
		t.Errorf("got %+v", one)
	}
	p.Decode("GET", base+"/"+sent[0].ID, "jane", nil, http.StatusNotFound, nil)
	var list page
	p.Decode("GET", base, "guest", nil, http.StatusOK, &list)
	if list.TotalCount != 1 {
		t.Errorf("got %+v", list)
	}
	var doc map[string]any
	p.Decode("GET", base+"/openapi.json", "guest", nil, http.StatusOK, &doc)
	if paths, _ := doc["paths"].(map[string]any); len(paths) != 9 {
		t.Errorf("the document has %d paths", len(paths))
	}
}

func TestSend_IsAudited(t *testing.T) {
	t.Parallel()
	p := open(t, dbtest.SQLite(t), nil, false)
	secret := map[string]any{"title": "do not repeat this", "topic": "builds"}
	p.Decode("POST", base, "service", map[string]any{"recipients": map[string]any{"type": "broadcast"}, "payload": secret}, http.StatusOK, nil)
	p.Decode("POST", base, "service", map[string]any{
		"recipients": map[string]any{"type": "entity", "entityRef": []string{"user:default/guest", "group:default/team"}}, "payload": secret,
	}, http.StatusOK, nil)
	p.Decode("POST", base, "service", map[string]any{"recipients": map[string]any{"type": "broadcast"}, "payload": map[string]any{"title": "x", "link": "javascript:1"}}, http.StatusBadRequest, nil)
	p.Call("POST", base, "service", map[string]any{"payload": 1})
	got := p.audit.Lines()
	want := []string{
		"notifications.notification-send succeeded everyone",
		"notifications.notification-send succeeded user:default/guest, group:default/team",
		"notifications.notification-send failed everyone Invalid link provided; caused by Error: Only HTTP/HTTPS links are allowed",
	}
	if len(got) != 4 || !slices.Equal(got[:3], want) || !strings.HasPrefix(got[3], "notifications.notification-send failed request/body") {
		t.Errorf("got %q", got)
	}
	for _, e := range p.audit.Events() {
		if strings.Contains(fmt.Sprint(e), "do not repeat") {
			t.Errorf("what was sent is in the audit log: %+v", e)
		}
	}
}
