package discovery_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/integration/internal/discovery"
	"github.com/stagedoor/stagedoor/integration/internal/hosttest"
)

func TestGlob(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		pattern, path string
		want          bool
	}{
		{"catalog-info.yaml", "catalog-info.yaml", true},
		{"catalog-info.yaml", "a/catalog-info.yaml", false},
		{"**/catalog-info.yaml", "catalog-info.yaml", true},
		{"**/catalog-info.yaml", "a/b/catalog-info.yaml", true},
		{"*/catalog-info.yaml", "a/b/catalog-info.yaml", false},
		{"**/catalog-info.{yaml,yml}", "a/catalog-info.yml", true},
		{"**/catalog-info.yaml", ".github/catalog-info.yaml", false},
		{"**/.backstage/*.yaml", "a/.backstage/x.yaml", true},
		{"**/*.yaml", "a/.x.yaml", false},
		{"[", "[", false},
	} {
		if got := discovery.Glob(tc.pattern, tc.path); got != tc.want {
			t.Errorf("%s on %s: %v", tc.pattern, tc.path, got)
		}
	}
}

func TestPattern_EndsInTime(t *testing.T) {
	t.Parallel()
	p, err := discovery.NewPattern("key", "(a+)+b", true)
	if err != nil {
		t.Fatal(err)
	}
	if p.Match(strings.Repeat("a", 64)) {
		t.Error("it matched")
	}
	if _, err := discovery.NewPattern("the.key", "(", false); err == nil || !strings.Contains(err.Error(), "the.key") {
		t.Errorf("got %v", err)
	}
}

func TestSchedule_ReadsDurationsAndNotesCron(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]discovery.Frequency{
		`{"frequency": {"minutes": 5}}`:        {Every: 5 * time.Minute},
		`{"frequency": "PT1H"}`:                {Every: time.Hour},
		`{"frequency": {"cron": "0 * * * *"}}`: {Cron: "0 * * * *"},
		`{"timeout": "1m", "scope": "local"}`:  {},
	} {
		var s discovery.Schedule
		if err := json.Unmarshal([]byte(in), &s); err != nil || s.Frequency != want {
			t.Errorf("%s: %+v, %v", in, s, err)
		}
	}
	var s discovery.Schedule
	if err := json.Unmarshal([]byte(`{"frequency": "soon"}`), &s); err == nil {
		t.Error("no error")
	}
}

func TestEntries_ReadOneOrMany(t *testing.T) {
	t.Parallel()
	c := hosttest.NewConfig(t, `{"one": {"organization": "o", "filters": {"branch": "x"}}, "many": {"organization": {"organization": "o"}, "b": {"organization": "p"}}}`)
	if diff := cmp.Diff([]discovery.Entry{{ID: "default", Path: "one"}}, discovery.Entries(c, "one", "organization")); diff != "" {
		t.Error(diff)
	}
	want := []discovery.Entry{{ID: "b", Path: "many.b"}, {ID: "organization", Path: "many.organization"}}
	if diff := cmp.Diff(want, discovery.Entries(c, "many", "organization")); diff != "" {
		t.Error(diff)
	}
}

func TestProvider_WaitsForTheCatalog(t *testing.T) {
	t.Parallel()
	portal := hosttest.New(t, `{}`)
	runs := 0
	p := discovery.New("p", portal.Host.Logger, func(context.Context, *discovery.Provider) error { runs++; return errors.New("no luck") })
	if err := p.Register(t.Context(), portal.Host, discovery.Schedule{Scope: "local", Frequency: discovery.Frequency{Cron: "* * * * *"}}); err != nil {
		t.Fatal(err)
	}
	if task := portal.Tasks[0]; !task.Local || task.Every != discovery.DefaultEvery || task.Timeout != discovery.DefaultTimeout {
		t.Errorf("task %+v", task)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Run(ctx); !errors.Is(err, context.Canceled) || runs != 0 || p.Connected() {
		t.Errorf("before the catalog connects: %v, %d runs", err, runs)
	}
	conn := portal.Connect(t, "p")
	if err := p.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "no luck") || runs != 1 {
		t.Errorf("after: %v, %d runs", err, runs)
	}
	if err := p.Change(t.Context(), nil, nil, ""); err != nil || len(conn.Take()) != 0 {
		t.Errorf("a change of nothing was handed over: %v", err)
	}
}
