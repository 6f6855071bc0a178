package statement_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/permission"
	"github.com/stagedoor/stagedoor/permission/internal/explain"
	"github.com/stagedoor/stagedoor/permission/internal/policy"
	"github.com/stagedoor/stagedoor/permission/internal/statement"
	"github.com/stagedoor/stagedoor/permission/permissiontest"
)

// world makes random policies, catalogs and users, and knows by its own means
// what the policies mean.
type world struct {
	*rand.Rand
	entities   []catalog.Entity
	users      []identity.Principal
	statements []meaning
	byDefault  bool
	text       string
}

// meaning is what a statement means.
type meaning struct {
	about     func(who identity.Principal, p permission.Permission) bool
	holds     func(who identity.Principal, e catalog.Entity) bool // nil without condition
	allow     bool
	otherwise string
}

func pick[T any](w *world, list ...T) T { return list[w.IntN(len(list))] }

func newWorld(seed uint64) *world {
	w := &world{Rand: rand.New(rand.NewPCG(seed, 1))}
	for i := range 3 + w.IntN(8) {
		var tags []any
		for range w.IntN(3) {
			tags = append(tags, pick(w, "group:a", "Group:B", "group:c", "java"))
		}
		w.entities = append(w.entities, catalog.Entity{
			"kind": pick(w, "API", "System", "Template"), "metadata": map[string]any{"name": fmt.Sprint("e", i), "tags": tags},
			"spec": map[string]any{"owner": pick(w, "group:default/a", "b", "user:default/u0", "user:default/u1")},
		})
	}
	for i := range 3 {
		ref := fmt.Sprint("user:default/u", i)
		u := identity.Principal{Kind: identity.User, Subject: ref, Ownership: []string{ref}}
		for _, g := range []string{"a", "b", "c"} {
			if w.IntN(2) == 0 {
				u.Ownership = append(u.Ownership, "group:default/"+g)
			}
		}
		w.users = append(w.users, u)
	}
	var b strings.Builder
	if w.byDefault = w.IntN(3) == 0; w.byDefault {
		b.WriteString("default: allow\n")
	}
	b.WriteString("statements:\n")
	for range 1 + w.IntN(6) {
		text, m := w.statement()
		b.WriteString("  - " + text + "\n")
		w.statements = append(w.statements, m)
	}
	w.text = b.String()
	return w
}

func (w *world) statement() (string, meaning) {
	m := meaning{allow: w.IntN(2) == 0}
	var match []string
	var tests []func(identity.Principal, permission.Permission) bool
	conditional := w.IntN(3) > 0
	if w.IntN(2) == 0 {
		name := pick(w, "catalog.entity.read", "catalog.entity.*", "catalog.entity.delete")
		match = append(match, "permission: "+name)
		tests = append(tests, func(_ identity.Principal, p permission.Permission) bool {
			return p.Name == name || strings.HasSuffix(name, "*") && strings.HasPrefix(p.Name, "catalog.entity.")
		})
	}
	if w.IntN(3) == 0 {
		action := pick(w, "read", "delete", "use", "create")
		match = append(match, "action: "+action)
		tests = append(tests, func(_ identity.Principal, p permission.Permission) bool {
			return p.Action == action || action == "use" && p.Action == ""
		})
	}
	if w.IntN(3) == 0 {
		group := "group:default/" + pick(w, "a", "b", "c")
		match = append(match, "group: "+group)
		tests = append(tests, func(who identity.Principal, _ permission.Permission) bool { return owns(who, group) })
	}
	parts := []string{fmt.Sprintf("effect: %s", map[bool]string{true: "allow", false: "deny"}[m.allow])}
	if len(match) > 0 {
		parts = append(parts, "match: {"+strings.Join(match, ", ")+"}")
	}
	if conditional {
		var text string
		text, m.holds = w.condition(0)
		parts = append(parts, "when: "+text)
		m.otherwise = map[bool]string{true: "deny", false: "next"}[m.allow]
		if w.IntN(2) == 0 {
			m.otherwise = map[bool]string{true: "next", false: "allow"}[m.allow]
			parts = append(parts, "otherwise: "+m.otherwise)
		}
	}
	m.about = func(who identity.Principal, p permission.Permission) bool {
		if conditional && p.ResourceType == "" {
			return false
		}
		for _, t := range tests {
			if !t(who, p) {
				return false
			}
		}
		return true
	}
	return "{" + strings.Join(parts, ", ") + "}", m
}

func owns(who identity.Principal, ref string) bool {
	for _, o := range who.Ownership {
		if o == ref {
			return true
		}
	}
	return false
}

func (w *world) condition(depth int) (string, func(identity.Principal, catalog.Entity) bool) {
	n := 7
	if depth > 2 {
		n = 4
	}
	switch w.IntN(n) {
	case 0:
		kind := pick(w, "api", "System", "Template")
		return "{rule: IS_ENTITY_KIND, params: {kinds: [" + kind + "]}}", func(_ identity.Principal, e catalog.Entity) bool { return strings.EqualFold(e.Kind(), kind) }
	case 1:
		return "{rule: IS_ENTITY_OWNER, params: {claims: $ownerRefs}}", func(who identity.Principal, e catalog.Entity) bool {
			owner, err := catalog.ParseRef(e.SpecString("owner"), catalog.RefDefaults{Kind: "group"})
			return err == nil && owns(who, owner.String())
		}
	case 2:
		return "{rule: IS_GROUP_IN_TAG}", func(who identity.Principal, e catalog.Entity) bool {
			tags, _ := e.Metadata()["tags"].([]any)
			for _, tag := range tags {
				if name, ok := strings.CutPrefix(strings.ToLower(tag.(string)), "group:"); ok && owns(who, "group:default/"+name) {
					return true
				}
			}
			return false
		}
	case 3:
		return "{rule: HAS_SPEC, params: {key: owner, value: $currentUser}}", func(who identity.Principal, e catalog.Entity) bool {
			return e.SpecString("owner") == who.Subject
		}
	case 4:
		text, inner := w.condition(depth + 1)
		return "{not: " + text + "}", func(who identity.Principal, e catalog.Entity) bool { return !inner(who, e) }
	case 5:
		a, x := w.condition(depth + 1)
		b, y := w.condition(depth + 1)
		return "{allOf: [" + a + ", " + b + "]}", func(who identity.Principal, e catalog.Entity) bool { return x(who, e) && y(who, e) }
	default:
		a, x := w.condition(depth + 1)
		b, y := w.condition(depth + 1)
		return "{anyOf: [" + a + ", " + b + "]}", func(who identity.Principal, e catalog.Entity) bool { return x(who, e) || y(who, e) }
	}
}

// means is what the policy means for one entity, or for none.
func (w *world) means(who identity.Principal, p permission.Permission, e catalog.Entity) bool {
	for _, m := range w.statements {
		if !m.about(who, p) {
			continue
		}
		switch {
		case m.holds == nil || m.holds(who, e):
			return m.allow
		case m.otherwise != "next":
			return m.otherwise == "allow"
		}
	}
	return w.byDefault
}

// worlds is how many random worlds a test looks at.
func worlds() uint64 {
	if n, err := strconv.ParseUint(os.Getenv("STAGEDOOR_WORLDS"), 10, 32); err == nil {
		return n
	}
	return 400
}

func TestProperty_ListsAreWhatEachItemSaysAlone(t *testing.T) {
	t.Parallel()
	for seed := range worlds() {
		w := newWorld(seed)
		e := permissiontest.NewEntities(w.entities...)
		g := registryOf(t, e)
		p, _, err := statement.Parse([]byte(w.text), statement.Options{File: "policy.yaml", Registry: g})
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, w.text)
		}
		a := policy.New(g)
		a.Use(p)
		for _, who := range w.users {
			ctx := identity.NewContext(t.Context(), who)
			for _, perm := range []permission.Permission{permissiontest.Read, permissiontest.Delete, permissiontest.Create, permissiontest.Validate} {
				d, err := a.Authorize(ctx, permission.Request{Permission: perm})
				if err != nil {
					t.Fatalf("seed %d: %v", seed, err)
				}
				if perm.ResourceType == "" {
					if want := w.means(who, perm, nil); d.Result == permission.Conditional || (d.Result == permission.Allow) != want {
						t.Fatalf("seed %d: %s %s: got %s, want %t\n%s", seed, who.Subject, perm.Name, d.Result, want, w.text)
					}
					continue
				}
				for _, x := range w.entities {
					inList := d.Result == permission.Allow
					if d.Condition != nil {
						if inList, err = permissiontest.Holds(x, *d.Condition); err != nil {
							t.Fatalf("seed %d: %v", seed, err)
						}
					}
					alone, err := a.Authorize(ctx, permission.Request{Permission: perm, ResourceRef: x.Ref().String()})
					if err != nil {
						t.Fatalf("seed %d: %v", seed, err)
					}
					if want := w.means(who, perm, x); inList != want || (alone.Result == permission.Allow) != want {
						t.Fatalf("seed %d: %s %s %s: in the list %t, alone %s, want %t\n%s", seed, who.Subject, perm.Name, x.Ref(), inList, alone.Result, want, w.text)
					}
				}
			}
		}
	}
}

func TestProperty_ExplanationsNameTheLineThatCounts(t *testing.T) {
	t.Parallel()
	decided := 0
	for seed := range worlds() / 4 {
		w := newWorld(seed)
		g := registryOf(t, permissiontest.NewEntities(w.entities...))
		p, _, err := statement.Parse([]byte(w.text), statement.Options{File: "policy.yaml", Registry: g})
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, w.text)
		}
		ask := func(p policy.Source, q explain.Question) explain.Answer {
			a, err := explain.New(explain.Deps{Registry: g, Source: func() policy.Source { return p }}).Explain(context.Background(), q)
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			return a
		}
		for _, who := range w.users {
			for _, x := range w.entities {
				q := explain.Question{Who: who, Permission: "catalog.entity.read", ResourceRef: x.Ref().String(), Detail: true}
				got := ask(p, q)
				if want := w.means(who, permissiontest.Read, x); (got.Result == permission.Allow) != want {
					t.Fatalf("seed %d: %s %s: got %s, want %t\n%s", seed, who.Subject, x.Ref(), got.Result, want, w.text)
				}
				named := 0
				for i, s := range got.Statements {
					without := ask(p.Without(i), q).Result
					want := got.Result
					if s.Decided {
						named++
						decided++
						if want = s.Without; named == 1 && (got.Source == nil || *got.Source != s.Source) {
							t.Fatalf("seed %d: the source is %v, but %v decided\n%s", seed, got.Source, s.Source, w.text)
						}
					}
					if without != want {
						t.Fatalf("seed %d: %s %s: without statement %d (decided: %t) it is %s, explained as %s\n%s", seed, who.Subject, x.Ref(), i, s.Decided, without, want, w.text)
					}
				}
				if (named == 0) != (got.Source == nil) {
					t.Fatalf("seed %d: %d statements decided, the source is %v\n%s", seed, named, got.Source, w.text)
				}
			}
		}
	}
	if decided == 0 {
		t.Error("no statement ever decided")
	}
}

func FuzzParse(f *testing.F) {
	f.Add(scenario)
	f.Add("rules:\n  - {name: A, params: [{name: x, type: list}], condition: {anyOf: {forEach: x, matching: '{k}:{n}', condition: {rule: HAS_SPEC, params: {key: '{n}'}}}}}\nstatements:\n  - when: {rule: A, params: {x: $ownerRefs}}\n")
	f.Add(newWorld(1).text)
	f.Add(bomb())
	f.Add("statements: &a [*a]")
	g := registryOf(f, permissiontest.NewEntities())
	f.Fuzz(func(t *testing.T, text string) {
		p, _, err := statement.Parse([]byte(text), statement.Options{File: "policy.yaml", Registry: g})
		if err != nil {
			if !strings.Contains(err.Error(), "policy.yaml") {
				t.Errorf("the message does not say where: %v", err)
			}
			return
		}
		who := user("bob", "group:default/a")
		for _, perm := range []permission.Permission{permissiontest.Read, permissiontest.Create} {
			d, err := p.Decide(t.Context(), who, perm)
			if err != nil {
				continue // a rule that cannot take what it gets; nothing is allowed
			}
			if (d.Condition != nil) != (d.Result == permission.Conditional) {
				t.Errorf("got %+v", d)
			}
			if perm.ResourceType == "" && d.Result == permission.Conditional {
				t.Errorf("a condition on %s", perm.Name)
			}
		}
	})
}

func BenchmarkDecide(b *testing.B) {
	p := parse(b, scenario)
	who := user("bob", "group:backstage/default", "group:backstage/staff", "group:backstage/team-a", "group:backstage/team-b")
	b.Run("again", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := p.Decide(b.Context(), who, permissiontest.Read); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("first", func(b *testing.B) {
		b.ReportAllocs()
		n := 0
		for b.Loop() {
			n++
			who.Subject = "user:backstage/" + strconv.Itoa(n)
			if _, err := p.Decide(b.Context(), who, permissiontest.Read); err != nil {
				b.Fatal(err)
			}
		}
	})
}
