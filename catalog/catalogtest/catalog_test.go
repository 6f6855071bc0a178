package catalogtest_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/catalog/catalogtest"
)

func TestCatalog_Conforms(t *testing.T) {
	t.Parallel()
	catalogtest.Run(t, func(_ *testing.T, entities []catalog.Entity) catalog.Reader {
		return catalogtest.New(entities...)
	})
}

func TestCatalog_TellsWhatChanged(t *testing.T) {
	t.Parallel()
	entity := func(name string) catalog.Entity {
		return catalog.Entity{"kind": "Component", "metadata": map[string]any{"name": name}}
	}
	c := catalogtest.New(entity("a"))
	var got []catalog.Change
	cancel := c.Subscribe(func(changes []catalog.Change) {
		got = append(got, changes...)
		// A subscriber may read.
		if _, err := c.EntitiesByRefs(t.Context(), nil); err != nil {
			t.Error(err)
		}
	})
	c.Put(entity("b"), entity("a"))
	c.Remove(catalog.MustRef("component:default/a"), catalog.MustRef("component:default/nope"))
	cancel()
	c.Put(entity("c"))
	want := []catalog.Change{
		{Seq: 2, Ref: "component:default/b"},
		{Seq: 3, Ref: "component:default/a"},
		{Seq: 4, Ref: "component:default/a", Removed: true},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestCatalog_KeepsTheUIDOfARef(t *testing.T) {
	t.Parallel()
	c := catalogtest.New()
	ref := catalog.MustRef("component:default/a")
	var uids [2]string
	for i := range uids {
		c.Put(catalog.Entity{"kind": "Component", "metadata": map[string]any{"name": "a"}, "spec": map[string]any{"n": float64(i)}})
		e, err := c.EntityByRef(t.Context(), ref)
		if err != nil {
			t.Fatal(err)
		}
		uids[i] = e.UID()
	}
	if uids[0] == "" || uids[0] != uids[1] {
		t.Errorf("uids are %q", uids)
	}
}
