package config_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/internal/config"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/secret"
	"github.com/stagedoor/stagedoor/plugin"
)

// The contract with plugins is met.
var _ plugin.Config = (*config.Live)(nil)

func TestLoad_RealFilesLoad(t *testing.T) {
	t.Parallel()
	corpus := filepath.Join(shared(t), "corpus", "portal")
	data, err := os.ReadFile(filepath.Join(corpus, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	var manifest struct {
		Files []struct{ File, Kind string }
	}
	if err := json.Unmarshal(data, &manifest); err != nil {
		t.Fatal(err)
	}
	files := 0
	for _, file := range manifest.Files {
		if file.Kind != "app-config" {
			continue
		}
		files++
		path := filepath.Join(corpus, file.File)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		want := ""
		switch {
		case strings.Contains(string(text), "\nkind: ConfigMap"):
			want = "this is a Kubernetes ConfigMap and not a configuration"
		case strings.Contains(string(text), "\n          $file: /mnt/certs/ca.crt"):
			want = "backend.database.connection.ssl.ca: $file /mnt/certs/ca.crt: the file does not exist"
		}
		c, err := config.Load(t.Context(), config.Sources{Paths: []string{path}})
		switch {
		case want == "" && err != nil:
			t.Errorf("%s: %v", file.File, err)
		case want != "" && (err == nil || !strings.HasPrefix(err.Error(), path+":") || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: error %v, want …%s", file.File, err, want)
		case err == nil:
			for _, problem := range config.Check(c) {
				// An unset variable may leave an empty schedule behind.
				if !strings.Contains(problem.Path, ".schedule.") {
					t.Errorf("%s", problem)
				}
			}
		}
	}
	if files < 50 {
		t.Errorf("only %d files were read", files)
	}
}

func TestConfig_FrontendAgreesWithTheRealFrontendsSchema(t *testing.T) {
	t.Parallel()
	dir := shared(t)
	data, err := os.ReadFile(filepath.Join(dir, "oracle", "backstage-frontend", ".config-schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	schema, err := config.LoadFrontendSchema(data)
	if err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(t.Context(), config.Sources{
		Paths: []string{
			filepath.Join(dir, "corpus", "portal", "backstage__demo", "app-config.yaml"),
			filepath.Join(dir, "oracle", "backstage", "app-config.peer.yaml"),
		},
		Env: func(name string) (string, bool) { return name, true },
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(c.Frontend(schema), c.Frontend()); diff != "" {
		t.Errorf("keys that browsers see (-its schema +built in):\n%s", diff)
	}
	page, err := json.Marshal(c.FrontendConfigs(schema))
	if err != nil || !strings.HasPrefix(string(page), `[{"context":"app","deprecatedKeys":[],"data":{"app":`) {
		t.Errorf("the page's configuration is %.80s, %v", page, err)
	}
}

const sample = `app:
  title: T
  empty: ""
  flags: {on: "yes", off: 0, odd: maybe}
  port: "7007"
  ratio: 0.5
  every: {minutes: 5}
  soon: 2 hours
  names: [a, b]
  one: a
  mixed: [a, 1]
  gone: null
proxy:
  endpoints:
    /a.b/c: {target: x}
locations:
  - target: a
  - target: 7
`

func read(t testing.TB, text string) *config.Config {
	t.Helper()
	path := filepath.Join(t.TempDir(), "c.yaml")
	write(t, path, text)
	c, err := config.Load(context.Background(), config.Sources{Paths: []string{path}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestConfig_TypedAccess(t *testing.T) {
	t.Parallel()
	c := read(t, sample)
	app := c.Sub("app")
	check := func(name string, got any, err error, want any) {
		t.Helper()
		if err != nil || !cmp.Equal(got, want) {
			t.Errorf("%s = %v, %v; want %v", name, got, err, want)
		}
	}
	title, err := c.String("app.title")
	check("title", title, err, "T")
	on, err := app.Bool("flags.on")
	check("on", on, err, true)
	off, err := app.Bool("flags.off")
	check("off", off, err, false)
	port, err := app.Int("port")
	check("port", port, err, 7007)
	ratio, err := app.Float("ratio")
	check("ratio", ratio, err, 0.5)
	every, err := app.Duration("every")
	check("every", every, err, 5*time.Minute)
	soon, err := app.Duration("soon")
	check("soon", soon, err, 2*time.Hour)
	names, err := app.Strings("names")
	check("names", names, err, []string{"a", "b"})
	one, err := app.Strings("one")
	check("one", one, err, []string{"a"})
	target, err := c.Sub("proxy.endpoints").Child("/a.b/c").String("target")
	check("child", target, err, "x")
	target, err = c.String(`proxy.endpoints["/a.b/c"].target`)
	check("quoted key", target, err, "x")
	target, err = c.String("locations[0].target")
	check("item", target, err, "a")
	if c.Has("app.gone") || c.Has("app.missing.deeper") || !c.Has("app.flags") {
		t.Error("null and absent values must not be there, objects must")
	}
	if diff := cmp.Diff([]string{"locations", "proxy"}, c.Keys("")[1:]); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
	if _, found, err := app.StringOpt("missing"); found || err != nil {
		t.Errorf("absence is reported as %t, %v", found, err)
	}
}

func TestConfig_ErrorsNameFileLineAndPath(t *testing.T) {
	t.Parallel()
	c := read(t, sample)
	app := c.Sub("app")
	items, err := c.List("locations")
	if err != nil || len(items) != 2 {
		t.Fatalf("%d items, %v", len(items), err)
	}
	fails := func(_ any, err error) error { return err }
	for want, err := range map[string]error{
		"c.yaml:3:3: app.empty must not be empty":                                                 fails(app.String("empty")),
		"c.yaml:4:3: app.flags must be text, got an object":                                       fails(app.String("flags")),
		"c.yaml:4:30: app.flags.odd must be a boolean, got text":                                  fails(app.Bool("flags.odd")),
		"c.yaml:2:3: app.title must be a number, got text":                                        fails(app.Int("title")),
		"c.yaml:6:3: app.ratio must be a whole number, got 0.5":                                   fails(app.Int("ratio")),
		"c.yaml:11:14: app.mixed[1] must be text that is not empty, got a number":                 fails(app.Strings("mixed")),
		"c.yaml:18:5: locations[1].target must be text, got a number":                             fails(items[1].String("target")),
		"c.yaml:1:1: missing required configuration app.nothing.here":                             fails(app.String("nothing.here")),
		"c.yaml:9:3: app.names must be an object, got a list":                                     c.Decode("app.names", &struct{}{}),
		"c.yaml:5:3: app.port: \"7007\" is a number without a unit; write 7007ms, 7007s or 7007m": fails(app.Duration("port")),
	} {
		if err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("error %v, want …%s", err, want)
		}
	}
	if _, err := c.String("nothing"); !fault.Is(err, fault.NotFound) {
		t.Errorf("a missing value has code %s", fault.CodeOf(err))
	}
}

func TestConfig_DecodeFillsStructs(t *testing.T) {
	t.Parallel()
	c := read(t, `a:
  name: n
  port: "80"
  number: "7007"
  on: "true"
  wait: PT1M
  pause: 5m
  token: t0k
  tags: x
  limits: {cpu: 2, mem: "3"}
  list: [{name: i}, {name: j}]
  any: {k: [1]}
  gone: null
  embedded: e
`)
	type Base struct {
		Embedded string `json:"embedded"`
	}
	type item struct{ Name string }
	type target struct {
		Base
		Name   string          `json:"name"`
		Port   *int            `json:"port"`
		Number json.Number     `json:"number"`
		On     bool            `json:"on"`
		Wait   plugin.Duration `json:"wait"`
		Pause  time.Duration   `json:"pause"`
		Token  secret.Text     `json:"token"`
		Tags   []string        `json:"tags"`
		Limits map[string]int  `json:"limits"`
		List   []struct {
			Name string `json:"name"`
		} `json:"list"`
		Any     any    `json:"any"`
		Gone    string `json:"gone"`
		Default string `json:"default"`
		Skipped *item  `json:"-"`
	}
	got := target{Gone: "kept", Default: "kept"}
	if err := c.Decode("a", &got); err != nil {
		t.Fatal(err)
	}
	port := 80
	want := target{
		Base: Base{Embedded: "e"}, Name: "n", Port: &port, Number: "7007", On: true, Wait: plugin.Duration(time.Minute), Pause: 5 * time.Minute,
		Token: secret.New("t0k"), Tags: []string{"x"}, Limits: map[string]int{"cpu": 2, "mem": 3},
		List: []struct {
			Name string `json:"name"`
		}{{"i"}, {"j"}},
		Any: map[string]any{"k": []any{1.0}}, Gone: "kept", Default: "kept",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("decoded (-want +got):\n%s", diff)
	}
	if err := c.Decode("missing", &got); err != nil {
		t.Errorf("an absent value gives %v", err)
	}
	var wrong struct {
		List []struct {
			Name int `json:"name"`
		} `json:"list"`
	}
	if err := c.Decode("a", &wrong); err == nil || !strings.HasSuffix(err.Error(), "c.yaml:11:11: a.list[0].name must be a number, got text") {
		t.Errorf("a wrong type gives %v", err)
	}
}

func TestParseDuration_ReadsThreeForms(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		`{"minutes": 5}`: 5 * time.Minute, `{"hours": 1, "seconds": "30"}`: time.Hour + 30*time.Second, `{"weeks": 1}`: 168 * time.Hour,
		`"PT5M"`: 5 * time.Minute, `"P1DT2H"`: 26 * time.Hour, `"PT1.5S"`: 1500 * time.Millisecond, `"P2W"`: 336 * time.Hour,
		`"5m"`: 5 * time.Minute, `"2 hours"`: 2 * time.Hour, `"1.5h"`: 90 * time.Minute, `"100ms"`: 100 * time.Millisecond,
		`"1 Day"`: 24 * time.Hour, `"3 secs"`: 3 * time.Second, `"7 msecs"`: 7 * time.Millisecond, `"1y"`: 8766 * time.Hour, `{"years": 1}`: 8760 * time.Hour,
	} {
		var v any
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			t.Fatal(err)
		}
		got, err := config.ParseDuration(v)
		if err != nil || got != want {
			t.Errorf("%s = %v, %v; want %v", text, got, err, want)
		}
		if other, err := plugin.ParseDuration(v); err != nil || other != want {
			t.Errorf("the plugin contract reads %s as %v, %v; want %v", text, other, err, want)
		}
	}
	for _, text := range []string{`""`, `"5"`, `"5 fortnights"`, `"P"`, `"PT"`, `"-5m"`, `{}`, `{"minute": 5}`, `{"minutes": "x"}`, `5`, `true`, `null`, `[1]`, `"99999999y"`} {
		var v any
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			t.Fatal(err)
		}
		if got, err := config.ParseDuration(v); err == nil {
			t.Errorf("%s = %v, want an error", text, got)
		}
	}
}

// shared is the folder of real files and recorded answers beside the checkout.
func shared(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("STAGEDOOR_SHARED"); dir != "" {
		return dir
	}
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for dir != filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		dir = filepath.Dir(dir)
	}
	dir = filepath.Join(dir, "..", "shared")
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("SKIP: %s not found; set STAGEDOOR_SHARED", dir)
	}
	return dir
}
