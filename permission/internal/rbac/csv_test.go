package rbac

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/internal/fault"
)

// lines renders what a table says, one line each with its number.
func lines(t *Table) []string {
	var out []string
	for _, r := range t.Roles {
		for _, m := range r.Members {
			out = append(out, fmt.Sprintf("%d: %s in %s", m.At.Line, m.Ref, r.Ref))
		}
		for _, g := range r.Policies {
			out = append(out, fmt.Sprintf("%d: %s", g.At.Line, g.Fields(r.Ref, " ")))
		}
	}
	return out
}

func TestReadCSV_ReadsWhatTheFormatAllows(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		text string
		want []string
	}{
		"policies and members": {
			"p, role:default/team_a, catalog-entity, read, deny\np, role:default/team_b, catalog.entity.create, create, deny\n\ng, user:default/bob, role:default/team_a\n\ng, group:default/team_b, role:default/team_b\n",
			[]string{"4: user:default/bob in role:default/team_a", "1: role:default/team_a catalog-entity read deny", "6: group:default/team_b in role:default/team_b", "2: role:default/team_b catalog.entity.create create deny"},
		},
		"comments, blank lines, spaces, line ends of Windows and a mark": {
			"\uFEFF# roles\r\n\r\n   # more\r\n  p ,role:default/a,kubernetes.proxy ,  use,allow  \r\n",
			[]string{"4: role:default/a kubernetes.proxy use allow"},
		},
		"quotes": {
			`p, "role:default/a", "odd, but fine" , "read","allow"` + "\n" + `g, "user:default/x",role:default/a`,
			[]string{"2: user:default/x in role:default/a", "1: role:default/a odd, but fine read allow"},
		},
		"no line break at the end": {"g,user:default/a,role:x/y", []string{"1: user:default/a in role:x/y"}},
		"members in lower case, roles as they are": {
			"g, User:Default/Tom, role:default/CATALOG-USER\np, role:default/CATALOG-USER, catalog-entity, read, allow",
			[]string{"1: user:default/tom in role:default/CATALOG-USER", "2: role:default/CATALOG-USER catalog-entity read allow"},
		},
		"empty fields at the end": {"g,user:default/a,role:x/y,,", []string{"1: user:default/a in role:x/y"}},
		"the name of the permission to create roles as it was": {
			"p, role:default/a, policy-entity, create, allow", []string{"1: role:default/a policy.entity.create create allow"},
		},
		"an empty file": {"", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := ReadCSV("roles.csv", []byte(tc.text))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, lines(got)); diff != "" {
				t.Errorf("what it says (-want +got):\n%s", diff)
			}
			if len(got.Skipped) > 0 {
				t.Errorf("skipped: %v", got.Skipped)
			}
		})
	}
}

func TestReadCSV_SkipsALineWithTheReason(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"p, role:default/a, catalog-entity, read":                             "5 fields",
		"p, role:default/a, catalog-entity, read, allow, x":                   "5 fields",
		"g, user:default/a":                                                   "3 fields",
		"r, a, b":                                                             `not with "r"`,
		"p, role:default/, catalog.entity.create, use, allow":                 `Entity reference "role:default/" was not on the form [<kind>:][<namespace>/]<name>`,
		"p, user:default/a, catalog-entity, read, allow":                      `Unsupported kind user. Supported value should be "role"`,
		"p, role:default/a, catalog-entity, write, allow":                     "'policy' has invalid value: 'write'. It should be one of: create, read, update, delete, use",
		"p, role:default/a, catalog-entity, read, temp":                       "'effect' has invalid value: 'temp'. It should be: 'allow' or 'deny'",
		"p, role:default/a, , read, allow":                                    "'permission' field must not be empty",
		`p, role:default/a, catalog-entity"fuzz, read, allow`:                 "holds a quote",
		`p, role:default/a, "catalog""entity", read, allow`:                   "double quotes",
		`p, role:default/a, "catalog-entity, read, allow`:                     "not closed",
		`p, role:default/a, "catalog-entity"x, read, allow`:                   `unexpected "x"`,
		"g, user:default/, role:default/a":                                    "was not on the form",
		"g, bob, role:default/a":                                              "had missing or empty kind",
		"g, user:bob, role:default/a":                                         "Provide, please, full entity reference",
		"g, component:default/x, role:default/a":                              `Unsupported kind component. List supported values ["user", "group"]`,
		"g, role:default/a, role:default/b":                                   "a role cannot be in a role",
		"g, user:default/a, group:default/b":                                  "for the catalog to say",
		"g, user:default/john@doe, role:default/a":                            "must be a string that is sequences of [a-zA-Z0-9]",
		"g, user:Bad_/doe, role:default/a":                                    "The namespace 'bad_'",
		"g, user:default/a\xff, role:default/a":                               "UTF-8",
		"p, role:default/ok, catalog-entity, update, allow":                   "repeats line 1",
		"g, USER:default/ok, role:default/ok":                                 "repeats line 2",
		"p, role:default/ok, catalog-entity, update, deny":                    "contradicts line 1; the denial counts",
		"g, user:default/too-" + strings.Repeat("1", 60) + ", role:default/a": "at most 63",
	} {
		good := "p, role:default/ok, catalog-entity, update, allow\ng, user:default/ok, role:default/ok\n"
		got, err := ReadCSV("dir/roles.csv", []byte(good+line+"\n"+"g, user:default/last, role:default/ok"))
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		if len(got.Skipped) != 1 || !strings.Contains(got.Skipped[0].Message, want) || got.Skipped[0].File != "dir/roles.csv" || got.Skipped[0].Line != 3 {
			t.Errorf("%s: skipped %+v, want line 3 with %q", line, got.Skipped, want)
		}
		if !strings.Contains(strings.Join(lines(got), "\n"), "4: user:default/last") {
			t.Errorf("%s costs the line behind it", line)
		}
	}
}

func TestReadCSV_RefusesWhatIsNoTextAsAWhole(t *testing.T) {
	t.Parallel()
	if _, err := ReadCSV("f", []byte("g, user:default/a, role:default/a\x00")); !fault.Is(err, fault.Invalid) {
		t.Errorf("a zero byte: %v", err)
	}
	if _, err := ReadCSV("f", make([]byte, MaxCSVBytes+1)); !fault.Is(err, fault.TooLarge) {
		t.Errorf("a huge file: %v", err)
	}
}

// portalCorpus is the folder of real portals, or skips the test.
func portalCorpus(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../../../../shared/corpus/portal")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("SKIP: %s not found, real policy files are not read", dir)
	}
	return dir
}

func TestReadCSV_ReadsRealPolicies(t *testing.T) {
	t.Parallel()
	dir := portalCorpus(t)
	for file, least := range map[string]int{
		"Kuadrant__kuadrant-backstage-plugin/docs/installation.md": 20,
		"redhat-developer__rhdh/docs/index.md":                     1,
		"janus-idp__backstage-showcase/docs/index.md":              1,
	} {
		data, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			t.Logf("SKIP: %s not found", file)
			continue
		}
		got, err := ReadCSV(file, []byte(csvOf(string(data))))
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		policies := 0
		for _, r := range got.Roles {
			policies += len(r.Policies)
		}
		if policies < least {
			t.Errorf("%s: %d policies, want %d at least", file, policies, least)
		}
		for _, p := range got.Skipped {
			if !strings.Contains(p.Message, "repeats line") && // examples say things again,
				!strings.Contains(p.Message, "this line has 6") && // one product has a field of its own,
				!strings.Contains(p.Message, "<username>") { // and a user is to be filled in
				t.Errorf("%s: line %d is skipped: %s", file, p.Line, p.Message)
			}
		}
	}
}

// csvOf cuts the policies out of a text about them.
func csvOf(text string) string {
	var out []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "p,") || strings.HasPrefix(line, "g,") {
			out = append(out, line)
		}
	}
	return strings.Join(out, "\n")
}

func FuzzReadCSV(f *testing.F) {
	for _, seed := range []string{
		"p, role:default/a, catalog-entity, read, allow\ng, user:default/a, role:default/a", "# x\r\n\"p\",\"role:default/a\"", "p,\"\"\"\",,,", "g,\xff,", "\uFEFFg, group:x/y, role:x/y,,",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		table, err := ReadCSV("f.csv", data)
		if err != nil {
			return
		}
		total := strings.Count(string(data), "\n") + 1
		for _, p := range table.Skipped {
			if p.Line < 1 || p.Line > total || p.Message == "" || p.File != "f.csv" {
				t.Fatalf("a problem without its place: %+v", p)
			}
		}
		// What was read is written in a form that reads the same.
		var b strings.Builder
		for _, r := range table.Roles {
			for _, m := range r.Members {
				fmt.Fprintf(&b, "g, %s, %s\n", m.Ref, r.Ref)
			}
			for _, g := range r.Policies {
				fmt.Fprintf(&b, "p, %s, \"%s\", %s, %s\n", r.Ref, g.Permission, g.Action, g.Effect())
			}
		}
		again, err := ReadCSV("f.csv", []byte(b.String()))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(says(table), says(again)); diff != "" {
			t.Fatalf("read again (-first +second):\n%s", diff)
		}
		Build(Parts{Table: table})
	})
}

// says is what a table says without the places.
func says(t *Table) map[string]bool {
	out := map[string]bool{}
	for _, line := range lines(t) {
		_, rest, _ := strings.Cut(line, ": ")
		out[rest] = true
	}
	return out
}
