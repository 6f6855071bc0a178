package catalogplugin

import (
	"fmt"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/catalog/internal/index"
	"github.com/stagedoor/stagedoor/catalog/internal/model"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// LoadSample makes the entities, and nothing else, what the catalog has, for
// commands that try something out. Nothing is checked and nothing is stored;
// relations are those of the fields of the kinds, and an apiVersion that is
// left out is that of the kind. [Catalog.LoadOffline] must have returned. It returns an error with code invalid for an entity without
// kind or name, or one that occurs twice.
func (c *Catalog) LoadSample(entities []catalog.Entity) error {
	s, err := c.readSettings()
	if err != nil {
		return err
	}
	kinds, err := model.New(s.Model)
	if err != nil {
		return err
	}
	versions := map[string]string{}
	for _, k := range kinds.Kinds() {
		versions[k.Kind] = k.APIVersions[0]
	}
	seen := map[string]bool{}
	records := make([]index.Record, len(entities))
	for i, e := range entities {
		if e.Kind() == "" || e.Name() == "" {
			return fault.Newf(fault.Invalid, "entity %d of the sample has no kind or no metadata.name", i+1)
		}
		e = e.Clone()
		delete(e.Metadata(), "uid")
		if e.APIVersion() == "" {
			e["apiVersion"] = versions[e.Kind()]
		}
		kinds.Prepare(e)
		ref := e.Ref().String()
		if seen[ref] {
			return fault.Newf(fault.Invalid, "the sample has %s twice", ref)
		}
		seen[ref] = true
		records[i] = index.Record{
			Ref: ref, UID: fmt.Sprintf("00000000-0000-4000-8000-%012d", i+1),
			JSON: model.AppendEntity(nil, e), Relations: kinds.Relations(e), Version: 1,
		}
	}
	return c.index.Load(func(yield func(index.Record) bool) error {
		for _, r := range records {
			if !yield(r) {
				break
			}
		}
		return nil
	})
}
