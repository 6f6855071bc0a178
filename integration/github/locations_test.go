package github_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/integration/internal/fail"
	"github.com/stagedoor/stagedoor/integration/internal/hosttest"
)

// emitted collects the refs of entities.
type emitted []string

func (e *emitted) Entity(en catalog.Entity, _ catalog.Location) { *e = append(*e, en.Ref().String()) }
func (*emitted) Relation(catalog.Relation)                      {}
func (*emitted) Problem(error)                                  {}
func (*emitted) RefreshKey(string)                              {}

func TestLocations_OfPeople(t *testing.T) {
	t.Parallel()
	forge := hosttest.Serve(t)
	p := start(t, forge, `"catalog": {"processors": {"githubMultiOrg": {"orgs": [{"name": "acme", "userNamespace": "people"}, {"name": "beta"}]}}}`)
	people(t, forge, false)
	reader := p.Processors[0].(catalog.LocationReader)
	read := func(kind, target string) ([]string, error) {
		var out emitted
		handled, err := reader.ReadLocation(t.Context(), catalog.Location{Type: kind, Target: target}, &out)
		if handled != (kind != "url") {
			t.Errorf("%s: handled is %v", kind, handled)
		}
		slices.Sort(out)
		return out, err
	}
	got, err := read("github-org", forge.URL+"/acme")
	want := []string{"group:default/core", "group:default/eng", "user:default/ann", "user:default/bob-acme"}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
	got, err = read("github-multi-org", forge.URL)
	want = []string{
		"group:acme/core", "group:acme/eng", "group:beta/core", "group:beta/eng",
		"user:default/ann", "user:default/bob-beta", "user:people/ann", "user:people/bob-acme",
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got)\n%s", err, diff)
	}
	forge.Calls()
	if _, err := read("github-org", forge.URL+"/acme"); err != nil || len(forge.Calls()) != 0 {
		t.Errorf("people were read again at once: %v", err)
	}
	p.Advance(time.Hour)
	if _, err := read("github-org", forge.URL+"/acme"); err != nil || len(forge.Calls()) == 0 {
		t.Errorf("people were not read again: %v", err)
	}
	for _, target := range []string{forge.URL, forge.URL + "/a/b", "https://elsewhere.example/acme", "no"} {
		_, err := read("github-org", target)
		code(t, err, fail.Invalid)
	}
	if _, err := read("url", forge.URL); err != nil {
		t.Error(err)
	}
}
