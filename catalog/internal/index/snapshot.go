package index

import (
	"strings"

	"github.com/stagedoor/stagedoor/catalog"
)

// ID is the number of an entity in one [Snapshot]. The number of a removed
// entity may be given to another one in a later snapshot.
type ID = uint32

// entity is what the index keeps of one entity beside its bytes.
type entity struct {
	block, off uint32 // where its bytes are
	size       uint32 // of JSON and status
	jsonSize   uint32
	insert     uint32
	ref        uint32 // names
	uid        uint32 // term of metadata.uid
	location   uint32 // names
	parents    uint32 // names
	live       bool
	ownEtag    bool
	orphan     bool
	version    int64
	hash       [20]byte
}

// edge is one relation as seen from one of its ends: out edges hold the
// target as peer, in edges the source.
type edge struct {
	peer    uint32 // names: ref of the other end
	typ     uint32 // names
	emitter uint32 // names: ref of the entity that emitted it
}

// Snapshot is one state of the catalog. It never changes; hold it for as long
// as one answer takes, so that all parts of the answer agree. All methods are
// safe for concurrent use.
type Snapshot struct {
	strict   bool
	seq      int64
	names    symbolView
	keys     symbolView
	terms    symbolView
	byTerm   postings
	byKey    postings
	keyHead  paged[uint32] // last term of a key, plus 1
	entities paged[entity]
	refs     paged[uint32] // entity of a ref, plus 1
	out, in  paged[[]edge]
	slabs    slabs
	all      *Bitmap
	uidKey   uint32
	relKeys  map[uint32]uint32 // relation type (names) to its key "relations.<type>"
	cache    *cache
	orders   *orderSet
	sorted   *sortedTerms
	texts    *textColumns
}

// Len returns the number of entities.
func (s *Snapshot) Len() int { return int(s.all.GetCardinality()) }

// Seq returns the number of the last change that the snapshot includes.
func (s *Snapshot) Seq() int64 { return s.seq }

// All returns the set of all entities. It must not be changed.
func (s *Snapshot) All() *Bitmap { return s.all }

// Lookup finds an entity by its ref, without regard to case.
func (s *Snapshot) Lookup(ref string) (ID, bool) {
	name, ok := s.names.lookup(strings.ToLower(ref))
	if !ok {
		return 0, false
	}
	return s.entityOf(name)
}

func (s *Snapshot) entityOf(name uint32) (ID, bool) {
	v := s.refs.at(name)
	return v - 1, v != 0
}

// LookupUID finds an entity by its uid, without regard to case.
func (s *Snapshot) LookupUID(uid string) (ID, bool) {
	if s.uidKey == 0 {
		return 0, false
	}
	set := s.termPosting(s.uidKey, strings.ToLower(uid))
	for _, p := range set {
		if p.has {
			return p.one, true
		}
		if p.count() > 0 {
			return p.bitmap().Minimum(), true
		}
	}
	return 0, false
}

// Ref returns the rendered ref of the entity.
func (s *Snapshot) Ref(id ID) string { return s.names.text(s.ent(id).ref) }

// UID returns the uid of the entity.
func (s *Snapshot) UID(id ID) string { return s.terms.text(s.ent(id).uid) }

// Version returns the number of the entity's version in its history.
func (s *Snapshot) Version(id ID) int64 { return s.ent(id).version }

// LocationKey returns the location key that claims the entity.
func (s *Snapshot) LocationKey(id ID) string { return s.names.text(s.ent(id).location) }

// Orphan reports whether nothing refers to the entity any more.
func (s *Snapshot) Orphan(id ID) bool { return s.ent(id).orphan }

// Parents returns the refs of the entities that the entity comes from, or
// "provider:<name>" or "push:<source>".
func (s *Snapshot) Parents(id ID) []string {
	text := s.names.text(s.ent(id).parents)
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

// Relations returns the relations of the entity, sorted by type and target,
// without duplicates.
func (s *Snapshot) Relations(id ID) []catalog.Relation {
	ref := s.ent(id).ref
	edges := s.out.at(ref)
	out := make([]catalog.Relation, 0, len(edges))
	source := s.names.text(ref)
	for i, e := range edges {
		if i > 0 && sameEnd(e, edges[i-1]) {
			continue
		}
		out = append(out, catalog.Relation{Source: source, Type: s.names.text(e.typ), Target: s.names.text(e.peer)})
	}
	return out
}

// sameEnd reports whether two edges of one ref are the same relation, emitted
// by different entities.
func sameEnd(a, b edge) bool { return a.peer == b.peer && a.typ == b.typ }

// ent returns the entity for reading.
func (s *Snapshot) ent(id ID) *entity { return &s.entities.pages[id>>pageBits][id&pageMask] }

// blob returns the entity's JSON without its closing brace.
func (s *Snapshot) blob(e *entity) []byte { return s.slabs.at(e.block, e.off, e.jsonSize) }

// status returns the rendered status, or nothing.
func (s *Snapshot) status(e *entity) []byte {
	return s.slabs.at(e.block, e.off+e.jsonSize, e.size-e.jsonSize)
}

// Ancestry is an entity with what it comes from.
type Ancestry struct {
	Root  string
	Items []AncestryItem
}

// AncestryItem is one entity of an [Ancestry].
type AncestryItem struct {
	ID      ID
	Parents []string
}

// Ancestry returns the entity of the ref and, nearest first, all entities it
// comes from. Providers and push sources are not entities and left out.
func (s *Snapshot) Ancestry(ref string) (Ancestry, bool) {
	id, ok := s.Lookup(ref)
	if !ok {
		return Ancestry{}, false
	}
	out := Ancestry{Root: s.Ref(id)}
	seen := map[ID]bool{id: true}
	for queue := []ID{id}; len(queue) > 0; queue = queue[1:] {
		item := AncestryItem{ID: queue[0], Parents: []string{}}
		for _, parent := range s.Parents(queue[0]) {
			up, ok := s.Lookup(parent)
			if !ok && (strings.HasPrefix(parent, "provider:") || strings.HasPrefix(parent, "push:")) {
				continue
			}
			item.Parents = append(item.Parents, parent)
			if ok && !seen[up] {
				seen[up] = true
				queue = append(queue, up)
			}
		}
		out.Items = append(out.Items, item)
	}
	return out, true
}
