package ingest_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/catalog/internal/ingest"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/fault"
)

func (h *house) record(ref string) (json string, version int64) {
	h.t.Helper()
	r, ok := h.sink.get(ref)
	if !ok {
		h.t.Fatalf("there is no %s", ref)
	}
	return string(r.JSON), r.Version
}

func (h *house) explain(subject string) ingest.Explanation {
	h.t.Helper()
	x, err := h.Explain(context.Background(), subject)
	if err != nil {
		h.t.Fatal(err)
	}
	return x
}

func TestConflict_TheFirstKeepsAndTheSecondInherits(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		t.Parallel()
		dir := t.TempDir()
		one, two := filepath.Join(dir, "one.yaml"), filepath.Join(dir, "two.yaml")
		write(t, one, component("a", "first"))
		write(t, two, component("a", "second"))
		h := open(t, d)
		h.config(one)
		h.settle()
		before, _ := h.sink.get("component:default/a")
		h.config(one, two)
		h.settle()
		json, version := h.record("component:default/a")
		if !strings.Contains(json, `"first"`) || version != 1 {
			t.Fatalf("after the conflict: version %d, %s", version, json)
		}
		x := h.explain("component:default/a")
		if len(x.Conflicts) != 1 || x.Conflicts[0].LocationKey != "file:"+two || x.Conflicts[0].HeldBy != "file:"+one {
			t.Errorf("conflicts %+v", x.Conflicts)
		}
		h.config(two)
		h.settle()
		after, _ := h.sink.get("component:default/a")
		if !strings.Contains(string(after.JSON), `"second"`) || after.UID != before.UID || after.LocationKey != "file:"+two {
			t.Errorf("after the owner is gone: %+v", after)
		}
		if x := h.explain("component:default/a"); len(x.Conflicts) != 0 || x.Verdict != "present" {
			t.Errorf("the conflict is still there: %+v", x)
		}
	})
}

func TestMove_BetweenFilesOfOneLocationKeepsTheEntity(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		t.Parallel()
		dir := t.TempDir()
		write(t, filepath.Join(dir, "a.yaml"), component("x", "t")+component("stays", "t"))
		write(t, filepath.Join(dir, "b.yaml"), component("y", "t"))
		h := open(t, d)
		glob := filepath.Join(dir, "*.yaml")
		h.config(glob)
		h.settle()
		before, _ := h.sink.get("component:default/y")
		write(t, filepath.Join(dir, "a.yaml"), component("x", "t")+component("y", "t")+component("stays", "t"))
		write(t, filepath.Join(dir, "b.yaml"), "")
		h.reread(glob)
		h.settle()
		h.want("component:default/x", "component:default/y", "component:default/stays")
		after, _ := h.sink.get("component:default/y")
		if after.UID != before.UID || after.LocationKey != "file:"+filepath.Join(dir, "a.yaml") || after.Version != 2 {
			t.Errorf("y moved to %+v", after)
		}
	})
}

func TestFailure_KeepsTheLastGoodVersion(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		t.Parallel()
		file := filepath.Join(t.TempDir(), "a.yaml")
		write(t, file, component("a", "team")+component("never", `""`))
		h := open(t, d)
		h.config(file)
		h.settle()
		h.want("component:default/a")
		if x := h.explain("component:default/never"); x.Verdict != "invalid" || len(x.Entity.Problems) == 0 || x.Entity.Since == nil {
			t.Errorf("explain never: %+v", x)
		}
		failed, err := h.Unprocessed(context.Background(), true)
		if err != nil || len(failed) != 1 || failed[0].EntityRef != "component:default/never" {
			t.Errorf("unprocessed %+v %v", failed, err)
		}
		write(t, file, component("a", `""`))
		h.reread(file)
		h.settle()
		r, _ := h.sink.get("component:default/a")
		if !strings.Contains(string(r.JSON), `"team"`) || len(r.Status) != 1 || r.Version != 1 {
			t.Errorf("the broken entity is %+v", r)
		}
		write(t, file, component("a", "team"))
		h.reread(file)
		h.settle()
		r, _ = h.sink.get("component:default/a")
		if len(r.Status) != 0 || r.Version != 1 {
			t.Errorf("the mended entity is %+v", r)
		}
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		h.reread(file)
		h.settle()
		h.want("component:default/a")
		x := h.explain(file)
		if x.Verdict != "location" || len(x.Refused) != 1 || x.Refused[0].Code != "unreadable" {
			t.Errorf("explain the missing file: %+v", x)
		}
	})
}

func TestRefusal_NamesFileLineAndReason(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "a.yaml")
	write(t, file, component("a", "team")+"apiVersion: x\nkind: Secret\nmetadata: {name: s}\n---\nno: entity\n")
	h := open(t, dbtest.SQLite(t))
	h.config(file)
	h.settle()
	h.want("component:default/a")
	refused, err := h.Refusals(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	var codes []string
	for _, r := range refused {
		codes = append(codes, r.Code)
		if r.LocationKey != "file:"+file || r.Line == 0 || r.Message == "" || r.Since.IsZero() {
			t.Errorf("refusal %+v", r)
		}
	}
	slices.Sort(codes)
	if !slices.Equal(codes, []string{"envelope", "rule"}) {
		t.Errorf("codes %v: %+v", codes, refused)
	}
	if x := h.explain("secret:default/s"); x.Verdict != "refused" || len(x.Sources) == 0 {
		t.Errorf("explain: %+v", x)
	}
}

func TestLocations_RegisterChangeAndDelete(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		t.Parallel()
		ctx := context.Background()
		dir := t.TempDir()
		one, two := filepath.Join(dir, "one.yaml"), filepath.Join(dir, "two.yaml")
		write(t, one, component("a", "t"))
		write(t, two, component("b", "t"))
		h := open(t, d)
		at := catalog.Location{Type: "file", Target: one}
		l, err := h.AddLocation(ctx, at, "", catalogCause)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := h.sink.get(l.EntityRef); !ok {
			t.Error("the location entity is not readable at once")
		}
		if _, err := h.AddLocation(ctx, at, "", catalogCause); !fault.Is(err, fault.Conflict) {
			t.Errorf("registering twice: %v", err)
		}
		h.settle()
		h.want("component:default/a")
		if r, _ := h.sink.get(l.EntityRef); r.Version != 1 || !slices.Equal(r.Parents, []string{"registered"}) {
			t.Errorf("the location entity is %+v", r)
		}
		moved, err := h.UpdateLocation(ctx, l.ID, catalog.Location{Type: "file", Target: two}, catalogCause)
		if err != nil || moved.EntityRef != l.EntityRef || moved.Target != two {
			t.Fatalf("update: %+v %v", moved, err)
		}
		h.settle()
		h.want("component:default/b")
		if _, err := h.UpdateLocation(ctx, "nope", at, catalogCause); !fault.Is(err, fault.NotFound) {
			t.Errorf("updating nothing: %v", err)
		}
		history, err := h.History(ctx, l.EntityRef, 0, 5)
		if err != nil || len(history) != 2 || history[1].Cause.Actor != catalogCause.Actor {
			t.Errorf("history %+v %v", history, err)
		}
		first, err := h.Version(ctx, l.EntityRef, 1)
		if err != nil || !strings.Contains(string(first.Entity), "one.yaml") {
			t.Errorf("version 1: %s %v", first.Entity, err)
		}
		if err := h.DeleteLocation(ctx, l.ID, catalogCause); err != nil {
			t.Fatal(err)
		}
		h.want() // without waiting
		if err := h.DeleteLocation(ctx, l.ID, catalogCause); !fault.Is(err, fault.NotFound) {
			t.Errorf("deleting twice: %v", err)
		}
	})
}

func TestSharedLocation_BelongsToConfigAndRegistration(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		t.Parallel()
		ctx := context.Background()
		file := filepath.Join(t.TempDir(), "a.yaml")
		write(t, file, component("a", "t"))
		h := open(t, d)
		h.config(file)
		l, err := h.AddLocation(ctx, catalog.Location{Type: "file", Target: file}, "", catalogCause)
		if err != nil {
			t.Fatal(err)
		}
		h.settle()
		h.config()
		h.settle()
		h.want("component:default/a")
		if r, _ := h.sink.get(l.EntityRef); !slices.Equal(r.Parents, []string{"registered"}) {
			t.Errorf("parents %v", r.Parents)
		}
		if err := h.DeleteLocation(ctx, l.ID, catalogCause); err != nil {
			t.Fatal(err)
		}
		h.want()
	})
}

func TestCycle_TwoLocationsThatListEachOtherKeepNobody(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		t.Parallel()
		dir := t.TempDir()
		root, one, two := filepath.Join(dir, "root.yaml"), filepath.Join(dir, "one.yaml"), filepath.Join(dir, "two.yaml")
		location := func(name, target string) string {
			return "apiVersion: backstage.io/v1alpha1\nkind: Location\nmetadata: {name: " + name + "}\nspec: {target: " + target + "}\n---\n"
		}
		write(t, root, location("one", "./one.yaml"))
		write(t, one, location("two", "./two.yaml")+component("a", "t"))
		write(t, two, location("one-again", "./one.yaml")+component("b", "t"))
		h := open(t, d)
		h.config(root)
		h.settle()
		h.want("component:default/a", "component:default/b")
		h.config()
		h.settle()
		if left := h.sink.refs(); len(left) != 0 {
			t.Errorf("left over: %v", left)
		}
	})
}

func TestOrphans_AreKeptWhenAskedFor(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		t.Parallel()
		dir := t.TempDir()
		file, other := filepath.Join(dir, "a.yaml"), filepath.Join(dir, "b.yaml")
		write(t, file, component("a", "t")+component("b", "t"))
		h := open(t, d, func(d *ingest.Deps) { d.OrphanStrategy = ingest.OrphansKeep })
		h.config(file)
		h.settle()
		write(t, file, component("a", "t"))
		h.reread(file)
		h.settle()
		h.want("component:default/a", "component:default/b")
		if r, _ := h.sink.get("component:default/b"); !r.Orphan {
			t.Errorf("b is no orphan: %+v", r)
		}
		// A new file takes the orphan over.
		write(t, other, component("b", "new"))
		h.config(file, other)
		h.settle()
		if r, _ := h.sink.get("component:default/b"); r.Orphan || !strings.Contains(string(r.JSON), "new") || r.Version != 2 {
			t.Errorf("b was not taken over: %+v", r)
		}
		h.config(other)
		h.settle()
		h.want("component:default/b")
	})
}

func TestDeleteByUID_ComesBackWithANewUID(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		t.Parallel()
		ctx := context.Background()
		file := filepath.Join(t.TempDir(), "a.yaml")
		write(t, file, component("a", "t"))
		h := open(t, d)
		h.config(file)
		h.settle()
		for _, ref := range []string{"component:default/a", ingest.LocationRef(catalog.Location{Type: "file", Target: file})} {
			before, _ := h.sink.get(ref)
			if err := h.DeleteByUID(ctx, before.UID, catalogCause); err != nil {
				t.Fatal(err)
			}
			h.settle()
			after, ok := h.sink.get(ref)
			if !ok || after.UID == before.UID || after.Version != 3 {
				t.Errorf("%s came back as %+v", ref, after)
			}
			h.want("component:default/a")
		}
		if err := h.DeleteByUID(ctx, "nope", catalogCause); !fault.Is(err, fault.NotFound) {
			t.Errorf("deleting nothing: %v", err)
		}
	})
}

func entity(kind, name string, spec map[string]any) catalog.Entity {
	return catalog.Entity{
		"apiVersion": "backstage.io/v1alpha1", "kind": kind,
		"metadata": map[string]any{"name": name, "annotations": map[string]any{
			catalog.AnnotationManagedByLocation:       "url:https://example.com/x",
			catalog.AnnotationManagedByOriginLocation: "url:https://example.com/x",
		}},
		"spec": spec,
	}
}

func service(name, owner string) catalog.Entity {
	return entity("Component", name, map[string]any{"type": "service", "lifecycle": "production", "owner": owner})
}

func deferred(entities ...catalog.Entity) []catalog.Deferred {
	var list []catalog.Deferred
	for _, e := range entities {
		list = append(list, catalog.Deferred{Entity: e, LocationKey: "test"})
	}
	return list
}

func TestProvider_FullAndDeltaMutations(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		t.Parallel()
		ctx := context.Background()
		file := filepath.Join(t.TempDir(), "a.yaml")
		write(t, file, component("from-file", "t"))
		h := open(t, d)
		conn := h.Connection("inventory")
		apply := func(m catalog.Mutation) {
			t.Helper()
			if err := conn.Apply(ctx, m); err != nil {
				t.Fatal(err)
			}
		}
		location := entity("Location", "listed", map[string]any{"type": "file", "target": file})
		location.SetAnnotation(catalog.AnnotationManagedByLocation, "file:"+file)
		location.SetAnnotation(catalog.AnnotationManagedByOriginLocation, "file:"+file)
		apply(catalog.Mutation{Full: true, Added: deferred(service("a", "t"), service("b", "t"), location)})
		h.settle()
		h.want("component:default/a", "component:default/b", "component:default/from-file")
		apply(catalog.Mutation{Added: deferred(service("b", "new"), service("c", "t")), Removed: deferred(service("a", ""))})
		h.want("component:default/b", "component:default/c", "component:default/from-file")
		if _, version := h.record("component:default/b"); version != 2 {
			t.Errorf("b has version %d", version)
		}
		apply(catalog.Mutation{Full: true, Added: deferred(service("b", "new"))})
		h.want("component:default/b") // what only the location brought is gone too
		if _, version := h.record("component:default/b"); version != 2 {
			t.Errorf("the same again made version %d", version)
		}
		err := conn.Apply(ctx, catalog.Mutation{Full: true, Added: deferred(service("x", "t"), catalog.Entity{"kind": "Component"})})
		if !fault.Is(err, fault.Invalid) {
			t.Errorf("an entity without name: %v", err)
		}
		h.want("component:default/b")
		if err := h.RemoveMissingProviders(ctx, []string{"another"}); err != nil {
			t.Fatal(err)
		}
		h.want()
	})
}

func TestPush_TellsTheFateOfEveryEntity(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		t.Parallel()
		ctx := context.Background()
		file := filepath.Join(t.TempDir(), "a.yaml")
		write(t, file, component("taken", "t"))
		h := open(t, d)
		h.config(file)
		h.settle()
		push := func(req ingest.PushRequest) []string {
			t.Helper()
			result, err := h.Push(ctx, "ci", req)
			if err != nil {
				t.Fatal(err)
			}
			var fates []string
			for _, it := range result.Items {
				fates = append(fates, it.EntityRef+" "+it.Status)
				if (it.Status == "error") != (len(it.Errors) > 0) {
					t.Errorf("%+v", it)
				}
			}
			return fates
		}
		req := ingest.PushRequest{Actor: "user:default/robot", Upsert: []catalog.Entity{
			service("a", "t"), service("bad", ""), service("taken", "me"), {"kind": "Component"}, service("b", "t"),
		}}
		want := []string{"component:default/a ok", "component:default/bad error", "component:default/taken error", " error", "component:default/b ok"}
		if got := push(req); !slices.Equal(got, want) {
			t.Errorf("fates %q, want %q", got, want)
		}
		h.want("component:default/a", "component:default/b", "component:default/taken")
		want[0], want[4] = "component:default/a unchanged", "component:default/b unchanged"
		if got := push(req); !slices.Equal(got, want) {
			t.Errorf("again %q, want %q", got, want)
		}
		got := push(ingest.PushRequest{Delete: []string{"Component:a", "component:default/taken"}})
		if !slices.Equal(got, []string{"component:default/a deleted", "component:default/taken missing"}) {
			t.Errorf("deleted %q", got)
		}
		got = push(ingest.PushRequest{Replace: true, Upsert: []catalog.Entity{service("c", "t")}})
		if !slices.Equal(got, []string{"component:default/c ok"}) {
			t.Errorf("replaced %q", got)
		}
		h.want("component:default/c", "component:default/taken")
		history, err := h.History(ctx, "component:default/b", 0, 9)
		if err != nil || len(history) != 2 || history[1].Cause != (catalog.Cause{Kind: "push", Source: "ci", Actor: "user:default/robot"}) {
			t.Errorf("history %+v %v", history, err)
		}
		if n, err := h.DeletePushed(ctx, "ci", ""); n != 1 || err != nil {
			t.Errorf("DeletePushed: %d %v", n, err)
		}
		h.want("component:default/taken")
	})
}

func TestRefresh_OfAnEntityReadsItsLocation(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		t.Parallel()
		ctx := context.Background()
		file := filepath.Join(t.TempDir(), "a.yaml")
		write(t, file, component("a", "t"))
		h := open(t, d)
		h.config(file)
		h.settle()
		write(t, file, component("a", "new"))
		if err := h.Refresh(ctx, "component:default/a", catalogCause); err != nil {
			t.Fatal(err)
		}
		h.settle()
		if json, _ := h.record("component:default/a"); !strings.Contains(json, "new") {
			t.Errorf("not refreshed: %s", json)
		}
		write(t, file, component("a", "newer"))
		if n, err := h.RefreshKeys(ctx, []string{"file:" + file}); n != 1 || err != nil {
			t.Fatalf("RefreshKeys: %d %v", n, err)
		}
		h.settle()
		if json, _ := h.record("component:default/a"); !strings.Contains(json, "newer") {
			t.Errorf("not refreshed by key: %s", json)
		}
		if err := h.Refresh(ctx, "component:default/nope", catalogCause); !fault.Is(err, fault.NotFound) {
			t.Errorf("refreshing nothing: %v", err)
		}
		if n, err := h.RefreshLocationTargets(ctx, []string{"https://example.com/nope"}); n != 0 || err != nil {
			t.Errorf("RefreshLocationTargets: %d %v", n, err)
		}
	})
}

func TestWatch_SeesChangesAtOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "a.yaml")
	glob := filepath.Join(dir, "deep", "**", "catalog-info.yaml")
	write(t, file, component("a", "t"))
	h := open(t, dbtest.SQLite(t), func(d *ingest.Deps) { d.Watch, d.Poll = true, 50*time.Millisecond })
	h.config(file, glob)
	h.settle()
	has := func(ref, text string) func() bool {
		return func() bool {
			r, ok := h.sink.get(ref)
			return ok && strings.Contains(string(r.JSON), text)
		}
	}
	began := time.Now()
	write(t, file, component("a", "new"))
	h.sink.await(t, "the change of a file", has("component:default/a", "new"))
	t.Logf("a changed file was visible after %v", time.Since(began))
	write(t, file, component("a", "newer")) // replaced a second time: the folder is still watched
	h.sink.await(t, "the second change", has("component:default/a", "newer"))
	write(t, filepath.Join(dir, "deep", "one", "two", "catalog-info.yaml"), component("deep", "t"))
	h.sink.await(t, "a new file in new folders", has("component:default/deep", "t"))
	if err := os.RemoveAll(filepath.Join(dir, "deep", "one")); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "deep", "three", "catalog-info.yaml"), component("deeper", "t"))
	h.sink.await(t, "files come and go", func() bool {
		_, old := h.sink.get("component:default/deep")
		_, fresh := h.sink.get("component:default/deeper")
		return !old && fresh
	})
}

func TestRestart_ReadsWhatChangedMeanwhile(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		t.Parallel()
		file := filepath.Join(t.TempDir(), "a.yaml")
		write(t, file, component("a", "t"))
		h := open(t, d)
		h.config(file)
		h.settle()
		h.stop()
		write(t, file, component("a", "new")+component("b", "t"))
		again := open(t, d)
		again.config(file)
		again.settle()
		again.want("component:default/a", "component:default/b")
		if _, version := again.record("component:default/a"); version != 2 {
			t.Errorf("a has version %d", version)
		}
	})
}
