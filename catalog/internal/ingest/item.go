package ingest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/catalog/internal/model"
	"github.com/stagedoor/stagedoor/catalog/internal/process"
	"github.com/stagedoor/stagedoor/catalog/internal/store"
)

// item is one entity between its parent and the store.
type item struct {
	parent string
	key    string // location key
	line   int
	entity catalog.Entity
	ref    string
	source string // unprocessed JSON
	hash   string // of source and fingerprint
	same   bool   // as the store knows it: nothing to do
	out    *output
	// emitted holds what the entity itself emits, when it is not a location;
	// nil when it was not processed. Those are items of their own.
	emitted map[emission]struct{}
}

// emission says that a parent emitted an entity, and in which file it stood.
type emission struct{ ref, key string }

// stub reports whether the item is stored without a result, to be processed as
// a source of its own.
func (it *item) stub() bool { return it.out == nil && !it.same }

// output is a result in the form in which it is stored.
type output struct {
	ok          bool
	body        string
	relations   string
	hash        string
	problems    string
	refreshKeys []string
	state       []byte
	volatile    bool
}

// prepareItems hashes and processes items. What entities emit that are not
// locations follows right behind them.
func (g *Engine) prepareItems(ctx context.Context, items []*item, known map[string]store.Child) []*item {
	all := make([]*item, 0, len(items))
	for _, it := range items {
		all = append(all, it)
		all = append(all, g.prepareItem(ctx, it, known, 0)...)
	}
	return all
}

// maxDepth bounds entities that emit entities that emit entities.
const maxDepth = 16

func (g *Engine) prepareItem(ctx context.Context, it *item, known map[string]store.Child, depth int) []*item {
	buf := model.AppendCanonical(nil, map[string]any(it.entity))
	it.source = string(buf)
	it.hash = digest(g.fingerprint, it.source)
	if k, ok := known[it.ref]; ok && k.Primary && k.LocationKey == it.key && k.InputHash == it.hash && !k.Flags.Has(store.Orphan) {
		it.same = true
		return nil
	}
	if strings.EqualFold(it.entity.Kind(), "location") || depth >= maxDepth {
		return nil
	}
	var further []*item
	res := g.deps.Pipeline.Process(ctx, process.Input{Entity: it.entity, LocationKey: it.key, Line: it.line}, func(d catalog.Deferred) error {
		if d.Entity.Kind() == "" || d.Entity.Name() == "" {
			return nil
		}
		further = append(further, &item{parent: it.ref, key: d.LocationKey, line: d.Line, entity: d.Entity, ref: d.Entity.Ref().String()})
		return nil
	})
	it.out = render(it.entity, &res)
	it.out.volatile = it.out.volatile || len(further) > 0
	if res.OK {
		it.emitted = make(map[emission]struct{}, len(further))
	}
	var all []*item
	for _, f := range further {
		if it.emitted != nil {
			it.emitted[emission{f.ref, f.key}] = struct{}{}
		}
		all = append(all, f)
		all = append(all, g.prepareItem(ctx, f, nil, depth+1)...)
	}
	return all
}

// render turns a result into what is stored. An entity that failed, or that
// depends on something outside, is volatile: it gets its own place in the
// queue.
func render(in catalog.Entity, res *process.Result) *output {
	out := &output{
		ok: res.OK, state: res.State, refreshKeys: res.RefreshKeys,
		volatile: !res.OK || len(res.RefreshKeys) > 0 || len(res.State) > 0,
	}
	if len(res.Problems) > 0 {
		if text, err := json.Marshal(res.Problems); err == nil {
			out.problems = string(text)
		}
	}
	if !res.OK {
		return out
	}
	ref := in.Ref().String()
	out.body = string(entityJSON(res.Entity))
	out.relations = store.EncodeRelations(ref, res.Relations)
	out.hash = digest(out.body, out.relations)
	return out
}

// entityJSON renders an entity as the read model wants it: without the uid,
// which is the catalog's to give.
func entityJSON(e catalog.Entity) []byte {
	if meta := e.Metadata(); meta != nil {
		if _, has := meta["uid"]; has {
			e = e.Clone()
			delete(e.Metadata(), "uid")
		}
	}
	return model.AppendEntity(make([]byte, 0, 1024), e)
}

func digest(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		_, _ = h.Write([]byte(p)) // a hash never fails
		_, _ = h.Write([]byte{0})
	}
	return base64.RawStdEncoding.EncodeToString(h.Sum(nil)[:16])
}

func decode(text string) (catalog.Entity, error) {
	var e map[string]any
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	if err := d.Decode(&e); err != nil {
		return nil, fmt.Errorf("stored entity: %w", err)
	}
	return e, nil
}
