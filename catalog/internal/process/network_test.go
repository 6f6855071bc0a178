package process_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/catalog/internal/model"
	"github.com/stagedoor/stagedoor/catalog/internal/process"
	"github.com/stagedoor/stagedoor/internal/fetch"
)

func TestProcess_IsNotLedIntoTheOwnNetwork(t *testing.T) {
	t.Parallel()
	var host string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/redirect.yaml":
			http.Redirect(w, r, "http://169.254.169.254/latest/meta-data/iam", http.StatusFound)
		case "/catalog.yaml":
			_, _ = fmt.Fprint(w, component("good", "---\n")+component("include", "  x: {$text: ./redirect.yaml}\n---\n")+
				"apiVersion: backstage.io/v1alpha1\nkind: Location\nmetadata: {name: bad}\nspec:\n  targets:\n"+
				"    - ./redirect.yaml\n    - http://169.254.169.254/\n    - http://127.0.0.1:1/\n    - http://rebound.wild.example/\n    - javascript:alert(1)\n    - http://[::ffff:10.0.0.1]/\n")
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(server.Close)
	host = strings.TrimPrefix(server.URL, "http://")
	reader := fetch.New(fetch.Deps{
		Allow: []fetch.Allow{{Host: host}, {Host: "*.wild.example"}}, Clock: time.Now,
		Lookup: func(_ context.Context, name string) ([]netip.Addr, error) {
			if addr, err := netip.ParseAddr(name); err == nil {
				return []netip.Addr{addr}, nil
			}
			return []netip.Addr{netip.MustParseAddr("10.0.0.5")}, nil
		},
	})
	t.Cleanup(reader.Close)
	got := ingest(t, newPipeline(t, process.Deps{Rules: allowAll(t), Reader: reader}), urlAt(server.URL+"/catalog.yaml"))
	wantRefs(t, got, "good")
	problems := strings.Join(got.problems["location:default/bad"], "\n")
	for _, want := range []string{
		server.URL + "/redirect.yaml redirects to http://169.254.169.254/latest/meta-data/iam, which is not in the configured list",
		"Reading from 'http://169.254.169.254/' is not allowed",
		"Reading from 'http://127.0.0.1:1/' is not allowed",
		"rebound.wild.example leads to a private address",
		"Reading from 'javascript:alert(1)' is not allowed",
		"Reading from 'http://[::ffff:10.0.0.1]/' is not allowed",
	} {
		if !strings.Contains(problems, want) {
			t.Errorf("no problem with %q among:\n%s", want, problems)
		}
	}
	wantProblem(t, got, "Placeholder $text could not read location", "redirects to http://169.254.169.254/")
}

func FuzzProcess(f *testing.F) {
	for _, seed := range []string{
		component("a", ""), "---\n---\n", "a: &a [*a]\n", "{\"kind\": \"Location\"}", "kind: [\n", "\x00", "? a\n: b\n", "- $text: x\n",
		"apiVersion: backstage.io/v1alpha1\nkind: Location\nmetadata: {name: l}\nspec: {targets: [./x.yaml, ../../y, 'http://x', '']}\n",
		"apiVersion: a\nkind: b\nmetadata: {name: c, annotations: 5, labels: []}\nspec: 5\n", component("a", "  x: {$yaml: ./a.yaml}\n"),
	} {
		f.Add([]byte(seed))
	}
	kinds, err := model.New(model.Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		w := &world{files: map[string]string{"https://x.example/a.yaml": string(data), "https://x.example/x.yaml": component("neighbour", "")}}
		p := newPipeline(t, process.Deps{Model: kinds, Rules: allowAll(t), Reader: w})
		root := process.LocationEntity(urlAt("https://x.example/*.yaml"), "")
		seen := false
		got := p.Process(t.Context(), process.Input{Entity: root, LocationKey: "url:https://x.example/*.yaml"}, nil)
		if !got.OK || got.Err != nil {
			t.Fatalf("the location failed: %+v", got)
		}
		all := ingest(t, p, urlAt("https://x.example/*.yaml"))
		_, seen = all.entities["component:default/neighbour"]
		if !seen && all.keys["component:default/neighbour"] == "url:https://x.example/x.yaml" {
			t.Fatal("the neighbour was harmed")
		}
	})
}
