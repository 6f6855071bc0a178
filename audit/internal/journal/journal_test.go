package journal_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/stagedoor/stagedoor/audit"
	"github.com/stagedoor/stagedoor/audit/audittest"
	"github.com/stagedoor/stagedoor/audit/internal/chain"
	"github.com/stagedoor/stagedoor/audit/internal/journal"
	"github.com/stagedoor/stagedoor/audit/internal/store"
	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/httpx"
)

const canary = "canary-7h1s-1s-s3cr3t"

// lines keeps what is logged.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

type fixture struct {
	*journal.Journal
	t     *testing.T
	d     *db.DB
	store *store.Store
	out   *lines
}

func open(t *testing.T, d *db.DB, change func(*journal.Deps)) *fixture {
	t.Helper()
	f := &fixture{t: t, d: d, store: store.New(d, chain.Keys{}), out: &lines{}}
	deps := journal.Deps{
		DB: d, Store: f.store, Clock: time.Now, NewID: uuid.NewString,
		Logger: slog.New(slog.NewJSONHandler(f.out, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if change != nil {
		change(&deps)
	}
	f.Journal = journal.New(deps)
	return f
}

// run runs the journal until stop is called or the test ends.
func (f *fixture) run(owner string) (stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(f.t.Context()))
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx, owner) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			f.t.Error(err)
		}
	})
	f.t.Cleanup(stop)
	return stop
}

// all returns every event, sealed or not.
func (f *fixture) all() (events []audit.Event) {
	f.t.Helper()
	ctx := context.Background()
	err := f.store.Each(ctx, store.Query{}, func(e *chain.Entry) error { events = append(events, e.Event); return nil })
	if err != nil {
		f.t.Fatal(err)
	}
	rows, err := f.d.Read().QueryContext(ctx, `SELECT event FROM audit_pending ORDER BY n`)
	if err != nil {
		f.t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			f.t.Fatal(err)
		}
		e, err := chain.Decode([]byte(text))
		if err != nil {
			f.t.Fatal(err)
		}
		events = append(events, e.Event)
	}
	return events
}

func (f *fixture) until(what string, ok func() bool) time.Duration {
	f.t.Helper()
	began := time.Now()
	for !ok() {
		if time.Since(began) > 20*time.Second {
			f.t.Fatalf("waited in vain for: %s", what)
		}
		time.Sleep(time.Millisecond) // what is waited for happens in the database
	}
	return time.Since(began)
}

func (f *fixture) sealed() int64 {
	f.t.Helper()
	seq, _, err := f.store.Head(context.Background())
	if err != nil {
		f.t.Fatal(err)
	}
	return seq
}

func (f *fixture) verify(want int64) {
	f.t.Helper()
	v, err := f.store.Verify(context.Background())
	if err != nil || !v.OK || v.Checked != want || v.Unsealed != 0 {
		f.t.Errorf("verdict %+v, %v, want %d events in order", v, err, want)
	}
}

var event = audit.Event{Name: "thing-mutate", Severity: audit.Medium, Target: "thing:default/a"}

func TestLog_Conforms(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		audittest.Conformance(t, func(t *testing.T) audittest.Subject {
			t.Helper()
			for _, table := range []string{"audit_pending", "audit_event", "audit_head"} {
				if err := d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
					_, err := tx.ExecContext(ctx, "DELETE FROM "+table)
					return err
				}); err != nil {
					t.Fatal(err)
				}
			}
			f := open(t, d, nil)
			return audittest.Subject{Log: f.For("test"), Events: f.all, Write: func(ctx context.Context, fail error) error {
				return d.Write(ctx, func(context.Context, *db.Tx) error { return fail })
			}}
		})
	})
}

func TestRun_SealsAtOnce(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		f := open(t, d, nil)
		if err := f.For("test").Record(t.Context(), event); err != nil { // before anybody runs
			t.Fatal(err)
		}
		stop := f.run("a")
		f.until("what was there", func() bool { return f.sealed() == 1 })
		var took []time.Duration
		for n := range int64(9) {
			if err := f.For("test").Record(t.Context(), event); err != nil {
				t.Fatal(err)
			}
			took = append(took, f.until("the next", func() bool { return f.sealed() == n+2 }))
		}
		slices.Sort(took)
		t.Logf("sealed after %v", took)
		if median := took[len(took)/2]; median > 2*time.Second { // on a busy machine; without a signal it is more
			t.Errorf("sealing takes %v", took)
		}
		stop()
		f.verify(10)
	})
}

func TestRun_StoresWhatIsNotedBeforeItEnds(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		f := open(t, d, nil)
		log := f.For("test")
		log.Note(t.Context(), event) // nobody runs yet
		stop := f.run("a")
		const writers, each = 8, 400 // more than the queue holds
		var wg sync.WaitGroup
		for range writers {
			wg.Go(func() {
				for range each {
					log.Note(t.Context(), event)
				}
			})
		}
		wg.Wait()
		stop()
		f.verify(1 + writers*each)
		log.Note(t.Context(), event) // nobody runs any more
		if n := len(f.all()); n != 2+writers*each {
			t.Errorf("%d events", n)
		}
	})
}

// Replicas share one log; when the one that seals is gone, another one does.
func TestRun_ReplicasSealOneLog(t *testing.T) {
	t.Parallel()
	d := dbtest.Postgres(t)
	a, b := open(t, d, nil), open(t, d, nil)
	stopA := a.run("a")
	a.until("the sealer", func() bool { return held(t, d) == "a" })
	stopB := b.run("b")
	if err := b.For("test").Record(t.Context(), event); err != nil {
		t.Fatal(err)
	}
	if took := b.until("the other replica's event", func() bool { return b.sealed() == 1 }); took > 3*time.Second {
		t.Errorf("the sealer heard of an event of the other replica after %v", took)
	}
	var wg sync.WaitGroup
	for _, f := range []*fixture{a, b} {
		for range 4 {
			wg.Go(func() {
				for range 25 {
					if err := f.For("test").Record(context.Background(), event); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	wg.Wait()
	stopA()
	if err := b.For("test").Record(t.Context(), event); err != nil {
		t.Fatal(err)
	}
	if took := b.until("the other one", func() bool { return b.sealed() == 202 }); took > 5*time.Second {
		t.Errorf("it took %v until the other replica sealed", took)
	}
	stopB()
	b.verify(202)
}

func held(t *testing.T, d *db.DB) (owner string) {
	t.Helper()
	_ = d.Read().QueryRowContext(t.Context(), `SELECT owner FROM lease WHERE name = 'audit-sealer' AND until > 0`).Scan(&owner) // none yet
	return owner
}

// request runs fn as the handler of a request.
func request(t *testing.T, who identity.Principal, fn func(ctx context.Context)) {
	t.Helper()
	root, err := httpx.NewRoot(httpx.RootOptions{Guard: httpx.Guard{
		Authenticate: func(r *http.Request) (context.Context, error) { return identity.NewContext(r.Context(), who), nil },
	}})
	if err != nil {
		t.Fatal(err)
	}
	root.Plugin("x").Handle("POST /things/{id}", httpx.Default, func(w http.ResponseWriter, r *http.Request) error {
		fn(r.Context())
		return httpx.NoContent(w)
	})
	root.Started()
	r := httptest.NewRequest(http.MethodPost, "http://portal.example:7007/api/x/things/1?access="+canary, nil)
	r.Header.Set("User-Agent", "test/1 "+who.Token)
	r.Header.Set("X-Request-Id", "req-1")
	r.RemoteAddr = "10.1.2.3:4567"
	w := httptest.NewRecorder()
	root.ServeHTTP(w, r)
	if w.Code != http.StatusNoContent {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
}

func TestLog_KnowsWhoAndFromWhere(t *testing.T) {
	t.Parallel()
	f := open(t, dbtest.SQLite(t), nil)
	who := identity.Principal{Kind: identity.User, Subject: "user:default/jane", Via: "scaffolder", Token: "opaque-credentials"}
	request(t, who, func(ctx context.Context) {
		if err := f.For("x").Record(ctx, event); err != nil {
			t.Error(err)
		}
		signIn := event
		signIn.Actor = audit.Actor{Kind: "user", Subject: "user:default/new"}
		if err := f.For("x").Record(ctx, signIn); err != nil {
			t.Error(err)
		}
	})
	if err := f.For("x").Record(t.Context(), event); err != nil { // nobody asked
		t.Fatal(err)
	}
	want := []audit.Event{
		{
			Actor:   audit.Actor{Kind: "user", Subject: "user:default/jane", Via: "scaffolder", IP: "10.1.2.3", UserAgent: "test/1 ***"},
			Request: audit.Request{ID: "req-1", Method: "POST", Path: "/api/x/things/1"},
		},
		{
			Actor:   audit.Actor{Kind: "user", Subject: "user:default/new", IP: "10.1.2.3", UserAgent: "test/1 ***"},
			Request: audit.Request{ID: "req-1", Method: "POST", Path: "/api/x/things/1"},
		},
		{Actor: audit.Actor{Kind: "service", Subject: "plugin:x"}},
	}
	got := f.all()
	for i := range got {
		got[i] = audit.Event{Actor: got[i].Actor, Request: got[i].Request}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// The lines have the fields of Backstage's auditor, and ours behind them.
func TestLine_IsThatOfBackstagesAuditor(t *testing.T) {
	t.Parallel()
	f := open(t, dbtest.SQLite(t), nil)
	who := identity.Principal{Kind: identity.User, Subject: "user:default/jane"}
	request(t, who, func(ctx context.Context) {
		e := event
		e.Meta = map[string]any{"actionType": "delete", "uid": "1"}
		_, end := f.For("catalog").Begin(ctx, e)
		_ = end(errors.New("it is in use"))
		low := event
		low.Severity = audit.Low
		f.For("catalog").Note(ctx, low)
	})
	var got []map[string]any
	for line := range strings.Lines(f.out.String()) {
		var m map[string]any
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatal(err)
		}
		delete(m, "time")
		delete(m, "id")
		got = append(got, m)
	}
	line := func(level, severity, status string, more map[string]any) map[string]any {
		m := map[string]any{
			"level": level, "msg": "catalog.thing-mutate", "isAuditEvent": true, "plugin": "catalog", "eventId": "thing-mutate",
			"severityLevel": severity, "status": status,
			"actor":   map[string]any{"actorId": "user:default/jane", "ip": "10.1.2.3", "hostname": "portal.example", "userAgent": "test/1 "},
			"request": map[string]any{"url": "/api/x/things/1", "method": "POST"},
			"target":  "thing:default/a", "requestId": "req-1",
		}
		for k, v := range more {
			m[k] = v
		}
		return m
	}
	meta := map[string]any{"actionType": "delete", "uid": "1"}
	want := []map[string]any{
		line("INFO", "medium", "initiated", map[string]any{"meta": meta}),
		line("INFO", "medium", "failed", map[string]any{"meta": meta, "error": "it is in use"}),
		line("DEBUG", "low", "succeeded", nil),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestParseLevels_ReadsBackstagesMappings(t *testing.T) {
	t.Parallel()
	got, err := journal.ParseLevels(map[string]string{"low": "info", "critical": "error"})
	want := journal.Levels{audit.Low: slog.LevelInfo, audit.Medium: slog.LevelInfo, audit.High: slog.LevelInfo, audit.Critical: slog.LevelError}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	for _, bad := range []map[string]string{{"low": "loud"}, {"lowest": "info"}, {"low": ""}} {
		if _, err := journal.ParseLevels(bad); err == nil {
			t.Errorf("%v is accepted", bad)
		}
	}
}

// Nothing that is secret reaches the database or the log, wherever it stood.
func TestLog_HasNoSecrets(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		const token = "opaque-credentials-of-the-caller"
		f := open(t, d, func(deps *journal.Deps) {
			deps.Redact = strings.NewReplacer(canary, "***").Replace
		})
		stop := f.run("a")
		who := identity.Principal{Kind: identity.User, Subject: "user:default/jane", Via: canary, Token: token}
		request(t, who, func(ctx context.Context) {
			for _, secret := range []string{canary, token, "eyJhbGciOiJub25lIn0.eyJzdWIiOiJjYW5hcnktN2gxcyJ9.c2ln"} {
				e := audit.Event{
					Name: "x-" + secret, Severity: audit.Critical, Target: "url:https://" + secret + "@h/x?token=" + secret + "#" + secret,
					Reason: "failed with " + secret, Meta: map[string]any{"a": []any{map[string]any{secret: secret}}, "n": fmt.Sprint(secret, secret)},
					Actor:   audit.Actor{Kind: "user", Subject: "user:default/" + secret, UserAgent: secret},
					Request: audit.Request{ID: secret, Path: "/x/" + secret + "?" + secret},
				}
				if err := f.For(secret).Record(ctx, e); err != nil {
					t.Error(err)
				}
				f.For("x").Note(ctx, e)
				_, end := f.For("x").Begin(ctx, e)
				_ = end(errors.New("broken by " + secret))
			}
		})
		stop()
		f.verify(9)
		var dump strings.Builder
		if err := f.store.Each(t.Context(), store.Query{}, func(e *chain.Entry) error {
			dump.Write(e.AppendJSON(nil))
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		for name, text := range map[string]string{"the database": dump.String(), "the log": f.out.String()} {
			for _, secret := range []string{canary, "canary", token, "eyJ"} {
				if at := strings.Index(text, secret); at >= 0 {
					t.Errorf("%s holds %s: …%s…", name, secret, text[max(0, at-200):min(len(text), at+60)])
				}
			}
			if !strings.Contains(text, "***") {
				t.Errorf("%s shows no mask", name)
			}
		}
	})
}

func TestLog_RefusesEventsThatSayNothing(t *testing.T) {
	t.Parallel()
	f := open(t, dbtest.SQLite(t), nil)
	for name, e := range map[string]audit.Event{
		"no name": {Severity: audit.Low}, "no severity": {Name: "x"}, "an unknown severity": {Name: "x", Severity: "urgent"},
	} {
		if err := f.For("p").Record(t.Context(), e); err == nil {
			t.Errorf("%s: it is recorded", name)
		}
		change, end := f.For("p").Begin(t.Context(), e)
		if err := f.d.Write(change, func(context.Context, *db.Tx) error { return nil }); err == nil {
			t.Errorf("%s: a change happens that nobody can be told of", name)
		}
		if err := end(nil); err == nil {
			t.Errorf("%s: the change succeeds", name)
		}
		f.For("p").Note(t.Context(), e)
	}
	if n := len(f.all()); n != 0 {
		t.Errorf("%d events", n)
	}
}

func TestLog_WhatCannotBeStoredIsInTheLog(t *testing.T) {
	t.Parallel()
	d := dbtest.SQLite(t)
	f := open(t, d, nil)
	if err := d.Write(t.Context(), func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.ExecContext(ctx, `DROP TABLE audit_pending`)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	f.For("p").Note(t.Context(), event)
	_, end := f.For("p").Begin(t.Context(), event)
	if err := end(errors.New("as it was")); err == nil || err.Error() != "as it was" {
		t.Errorf("the change's error became %v", err)
	}
	if err := f.For("p").Record(t.Context(), event); err == nil {
		t.Error("an event that is not durable is reported as recorded")
	}
	if n := strings.Count(f.out.String(), "could not be stored"); n != 2 || !strings.Contains(f.out.String(), `\"target\":\"thing:default/a\"`) {
		t.Errorf("%d complaints: %s", n, f.out)
	}
}

func TestRemove_IsAnEventItself(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	f := open(t, dbtest.SQLite(t), func(d *journal.Deps) {
		d.Clock = func() time.Time { now = now.Add(time.Hour); return now }
		d.HeadEvery = time.Hour
	})
	for range 5 {
		if err := f.For("p").Record(t.Context(), event); err != nil {
			t.Fatal(err)
		}
	}
	f.run("a")()
	n, err := f.Remove(t.Context(), time.Date(2026, 1, 1, 4, 0, 0, 0, time.UTC))
	if err != nil || n != 3 {
		t.Fatalf("%d removed, %v", n, err)
	}
	f.run("a")()
	f.verify(3)
	events := f.all()
	if e := events[2]; e.Plugin != "audit" || e.Name != "retention" || e.Severity != audit.Critical || e.Actor.Subject != "plugin:audit" {
		t.Errorf("got %+v", e)
	}
	if !strings.Contains(f.out.String(), `"msg":"audit log head","seq":`) {
		t.Errorf("the end of the chain is not in the log: %s", f.out)
	}
}
