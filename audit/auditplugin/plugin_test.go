package auditplugin_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/stagedoor/stagedoor/audit"
	"github.com/stagedoor/stagedoor/audit/auditplugin"
	"github.com/stagedoor/stagedoor/audit/internal/rest"
	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/permission"
	"github.com/stagedoor/stagedoor/plugin/plugintest"
)

func init() { // the validator knows no lines of JSON
	openapi3filter.RegisterBodyDecoder("application/x-ndjson", openapi3filter.FileBodyDecoder)
}

// portal is a portal with nothing but the audit log.
type portal struct {
	*plugintest.Host
	t     *testing.T
	d     *db.DB
	audit *auditplugin.Audit
	stop  func()

	mu  sync.Mutex
	now time.Time
}

func (p *portal) clock() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.now = p.now.Add(time.Second)
	return p.now
}

func serve(t *testing.T, d *db.DB, config map[string]any) *portal {
	t.Helper()
	p := &portal{t: t, d: d, now: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)}
	permissions := &plugintest.Permissions{Decide: func(ctx context.Context, _ permission.Request) (permission.Decision, error) {
		if identity.FromContext(ctx).Subject == "user:default/auditor" {
			return permission.Decision{Result: permission.Allow}, nil
		}
		return permission.Decision{Result: permission.Deny}, nil
	}}
	tokens := &plugintest.Tokens{}
	tokens.Set("auditor", identity.Principal{Kind: identity.User, Subject: "user:default/auditor"})
	values := &plugintest.Config{}
	values.Replace(config)
	var err error
	p.audit, err = auditplugin.New(auditplugin.Deps{DB: d, Config: values, Clock: p.clock, NewID: uuid.NewString, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	p.Host = plugintest.New(t, p.audit, plugintest.Options{
		Config: config, Tokens: tokens, Clock: p.clock, Permissions: permissions, Document: rest.OpenAPI(),
	})
	if permissions.Definition.Permissions[0].Name != "audit.event.read" {
		t.Errorf("defined %+v", permissions.Definition)
	}
	p.stop = p.Run()
	return p
}

// settle waits until all that was recorded is sealed.
func (p *portal) settle() {
	p.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		v, err := p.audit.Verify(p.t.Context())
		if err != nil || v.Problem != "" {
			p.t.Fatalf("%+v %v", v, err)
		}
		if v.Unsealed == 0 {
			return
		}
		if time.Now().After(deadline) {
			p.t.Fatal("events are not sealed")
		}
		time.Sleep(time.Millisecond) // the sealer works in the database
	}
}

type item struct {
	ID, Plugin, Name, Severity, Status, Target, Reason string
	Seq                                                int64
	At                                                 time.Time
	Actor                                              struct{ Kind, Subject, IP string }
	Meta                                               map[string]any
}

type page struct {
	Items      []item
	NextCursor string
}

func (p *portal) record(n int) {
	p.t.Helper()
	for i := range n {
		e := audit.Event{
			Name: "entity-mutate", Severity: audit.Medium, Target: fmt.Sprintf("component:default/c%d", i+1),
			Actor: audit.Actor{Kind: "user", Subject: "user:default/jane"}, Meta: map[string]any{"actionType": "delete"},
		}
		if i%4 == 3 {
			e.Status, e.Reason, e.Severity = audit.Failed, "=cmd()", audit.High
		}
		if err := p.audit.For("catalog").Record(p.t.Context(), e); err != nil {
			p.t.Fatal(err)
		}
	}
	p.settle()
}

func TestRoutes_FindEvents(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		p := serve(t, d, nil)
		p.record(10)
		for query, want := range map[string]int{
			"plugin=catalog": 10, "plugin=catalog&status=failed": 2, "event=entity-mutate&severity=high": 2,
			"actor=user:default/jane": 10, "actor=user:default/other": 0, "target=component:default/c7": 1, "plugin=catalog&text=delete+c1": 1, "plugin=catalog&text=delete+c1*": 2,
			"plugin=catalog&from=2026-03-01&to=2026-03-02": 10, "plugin=catalog&to=2026-03-01T00:00:00Z": 0, "plugin=catalog&from=2027-01-01T00:00:00%2B01:00": 0,
		} {
			var got page
			p.Decode("GET", "/api/audit/events?"+query, "auditor", nil, http.StatusOK, &got)
			if len(got.Items) != want || got.NextCursor != "" {
				t.Errorf("%s: %d events, want %d", query, len(got.Items), want)
			}
		}
		var all []string
		cursor := ""
		for {
			var got page
			p.Decode("GET", "/api/audit/events?plugin=catalog&limit=4"+cursor, "auditor", nil, http.StatusOK, &got)
			if len(all) == 0 {
				p.record(1) // what comes meanwhile shifts nothing
			}
			for _, it := range got.Items {
				all = append(all, it.Target)
			}
			if got.NextCursor == "" {
				break
			}
			cursor = "&cursor=" + got.NextCursor
		}
		if len(all) != 10 || all[0] != "component:default/c10" || all[9] != "component:default/c1" {
			t.Errorf("pages give %v", all)
		}
		var got page
		p.Decode("GET", "/api/audit/events?target=component:default/c4", "auditor", nil, http.StatusOK, &got)
		var one item
		p.Decode("GET", "/api/audit/events/"+got.Items[0].ID, "auditor", nil, http.StatusOK, &one)
		if diff := cmp.Diff(got.Items[0], one); diff != "" {
			t.Errorf("(-list +one)\n%s", diff)
		}
		if one.Status != "failed" || one.Reason != "=cmd()" || one.Actor.Subject != "user:default/jane" || one.Meta["actionType"] != "delete" {
			t.Errorf("got %+v", one)
		}
		p.Decode("GET", "/api/audit/events/nope", "auditor", nil, http.StatusNotFound, nil)
	})
}

func TestRoutes_RefuseWhatIsWrong(t *testing.T) {
	t.Parallel()
	p := serve(t, dbtest.SQLite(t), nil)
	for _, query := range []string{
		"events?limit=0", "events?limit=501", "events?status=done", "events?severity=urgent", "events?from=yesterday", "events?to=1", "events?cursor=%25",
		"events?cursor=e30", "events?what=1", "export?format=xml", "export?from=x", "export?limit=1",
	} {
		if w := p.Call("GET", "/api/audit/"+query, "auditor", nil); w.Code != http.StatusBadRequest {
			t.Errorf("%s: %d %s", query, w.Code, w.Body)
		}
	}
}

func TestRoutes_ReadingIsAnEvent(t *testing.T) {
	t.Parallel()
	p := serve(t, dbtest.SQLite(t), nil)
	for _, path := range []string{"events?text=x", "events/none", "verify", "export?plugin=catalog"} {
		for token, want := range map[string]int{"guest": http.StatusForbidden, "service": http.StatusForbidden, "": http.StatusUnauthorized} {
			if w := p.Call("GET", "/api/audit/"+path, token, nil); w.Code != want {
				t.Errorf("%s as %q: %d, want %d", path, token, w.Code, want)
			}
		}
	}
	p.Decode("GET", "/api/audit/events?text=x", "auditor", nil, http.StatusOK, nil)
	p.Decode("GET", "/api/audit/verify", "auditor", nil, http.StatusOK, nil)
	p.Call("GET", "/api/audit/export?format=csv&text=x", "auditor", nil)
	p.stop() // what is noted is stored
	counts := map[string]int{}
	var out bytes.Buffer
	if _, err := p.audit.Export(t.Context(), &out, "ndjson", "", ""); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(out.String()) {
		var e item
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		counts[strings.Join([]string{e.Name, e.Severity, e.Status, e.Actor.Subject}, " ")]++
	}
	want := map[string]int{
		"event-read low succeeded user:default/auditor": 1, "log-verify medium succeeded user:default/auditor": 1,
		"event-export medium succeeded user:default/auditor": 1,
	}
	for _, who := range []string{"user:default/guest", "peer-bench"} {
		want["event-read medium failed "+who], want["log-verify medium failed "+who], want["event-export medium failed "+who] = 2, 1, 1
	}
	if diff := cmp.Diff(want, counts); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestRoutes_ExportAndVerify(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		p := serve(t, d, map[string]any{"stagedoor": map[string]any{"audit": map[string]any{"key": "a key of enough bytes"}}})
		p.record(8)
		w := p.Call("GET", "/api/audit/export?plugin=catalog", "auditor", nil)
		lines := strings.Split(strings.TrimSpace(w.Body.String()), "\n")
		if w.Code != http.StatusOK || len(lines) != 8 || !strings.HasPrefix(w.Header().Get("Content-Type"), "application/x-ndjson") {
			t.Fatalf("%d %v %s", w.Code, w.Header(), w.Body)
		}
		var first item
		if err := json.Unmarshal([]byte(lines[0]), &first); err != nil || first.Target != "component:default/c1" {
			t.Errorf("the oldest comes first: %+v %v", first, err)
		}
		if got := w.Header().Get("Content-Disposition"); !strings.HasPrefix(got, `attachment; filename="audit-20260301-`) {
			t.Errorf("disposition %s", got)
		}
		w = p.Call("GET", "/api/audit/export?format=csv&plugin=catalog&"+url.Values{"status": {"failed"}}.Encode(), "auditor", nil)
		table, err := csv.NewReader(w.Body).ReadAll()
		if err != nil || len(table) != 3 || table[0][0] != "seq" || table[1][12] != "'=cmd()" {
			t.Errorf("%v %v", table, err)
		}
		p.settle()
		var v struct {
			OK      bool
			Checked int
			Head    struct{ Seq int }
			Problem *struct {
				Seq     int
				Message string
			}
		}
		p.Decode("GET", "/api/audit/verify", "auditor", nil, http.StatusOK, &v)
		// With the change of key, which a log that begins with one has not,
		// and the two exports.
		if !v.OK || v.Checked < 10 || v.Head.Seq != v.Checked {
			t.Errorf("verdict %+v", v)
		}
		err = d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
			_, err := tx.ExecContext(ctx, `UPDATE audit_event SET target = 'x' WHERE target = 'component:default/c2'`)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		p.Decode("GET", "/api/audit/verify", "auditor", nil, http.StatusOK, &v)
		if v.OK || v.Problem == nil || v.Problem.Message != "it was changed" {
			t.Errorf("verdict %+v", v)
		}
	})
}

func TestRetention_RemovesWhatIsOld(t *testing.T) {
	t.Parallel()
	p := serve(t, dbtest.SQLite(t), map[string]any{"stagedoor": map[string]any{"audit": map[string]any{"retention": "P1D"}}})
	p.record(5)
	task := p.Tasks["retention"]
	if task.Every != 24*time.Hour {
		t.Errorf("every %v", task.Every)
	}
	count := func() int {
		var got page
		p.Decode("GET", "/api/audit/events?plugin=catalog", "auditor", nil, http.StatusOK, &got)
		return len(got.Items)
	}
	if err := task.Run(t.Context()); err != nil || count() != 5 {
		t.Errorf("%d left, %v", count(), err)
	}
	p.mu.Lock()
	p.now = p.now.Add(25 * time.Hour)
	p.mu.Unlock()
	if err := p.audit.For("other").Record(t.Context(), audit.Event{Name: "new", Severity: audit.Low}); err != nil {
		t.Fatal(err)
	}
	p.settle()
	if err := task.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.settle()
	if n := count(); n != 0 {
		t.Errorf("%d left", n)
	}
	var got page
	p.Decode("GET", "/api/audit/events?event=retention", "auditor", nil, http.StatusOK, &got)
	if len(got.Items) != 1 || got.Items[0].Severity != "critical" {
		t.Errorf("got %+v", got.Items)
	}
}

func TestNew_RefusesWrongSettings(t *testing.T) {
	t.Parallel()
	d := dbtest.SQLite(t)
	for name, config := range map[string]map[string]any{
		"a short key":              {"key": "short"},
		"a lonely previous key":    {"previousKeys": []any{"a key of enough bytes"}},
		"a retention in the past":  {"retention": "-5d"},
		"a retention of some kind": {"retention": "long"},
		"an interval of some kind": {"headInterval": "often"},
	} {
		values := &plugintest.Config{}
		values.Replace(map[string]any{"stagedoor": map[string]any{"audit": config}})
		if _, err := auditplugin.New(auditplugin.Deps{DB: d, Config: values}); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	values := &plugintest.Config{}
	values.Replace(map[string]any{"backend": map[string]any{"auditor": map[string]any{"severityLogLevelMappings": map[string]any{"low": "loud"}}}})
	if _, err := auditplugin.New(auditplugin.Deps{DB: d, Config: values}); !fault.Is(err, fault.Invalid) {
		t.Errorf("a level of some kind: %v", err)
	}
}
