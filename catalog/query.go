package catalog

import "context"

// Query asks for a page of entities.
type Query struct {
	// Filter restricts the result; nil means everything.
	Filter Filter
	// Order sorts by the values at the fields, ties by uid. With no Order the
	// result is in the order of the uids.
	Order []Order
	// Text, when its Term is not empty, keeps entities that contain the term.
	Text TextFilter
	// Limit is the largest number of entities in the page; negative means no
	// limit.
	Limit int
	// Offset skips so many entities of the result.
	Offset int
}

// Order is one sort field.
type Order struct {
	Field string
	Desc  bool
}

// TextFilter keeps entities of which a value at one of the Fields contains the
// Term, without regard to case. Without Fields the first sort field is
// searched; when there is none, name, title and description, or in strict mode
// metadata.uid.
type TextFilter struct {
	Term   string
	Fields []string
}

// Page is the answer to a [Query].
type Page struct {
	Items []Entity
	// Total is the number of entities that the query matches over all pages.
	Total int
}

// Facet is one value of a field with the number of entities that have it.
type Facet struct {
	Value string `json:"value"`
	Count int    `json:"count"`
}

// Reader reads the catalog. Every method sees one consistent state, authorises
// as the principal in the context (catalog.entity.read), and is safe for
// concurrent use. What the principal may not see does not exist for it.
type Reader interface {
	// EntityByRef returns the entity, or an error with code not_found.
	EntityByRef(ctx context.Context, ref Ref) (Entity, error)
	// EntitiesByRefs returns the entities in the order of refs; an item is nil
	// where there is none.
	EntitiesByRefs(ctx context.Context, refs []Ref) ([]Entity, error)
	// Query returns a page of entities.
	Query(ctx context.Context, q Query) (Page, error)
	// Facets counts, for each of the fields, the values among the entities
	// that filter keeps, sorted by value.
	Facets(ctx context.Context, fields []string, filter Filter) (map[string][]Facet, error)
}

// Change says that an entity was added, changed or removed.
type Change struct {
	// Seq grows with every change and is the same on every replica.
	Seq int64
	// Ref is the rendered ref of the entity.
	Ref string
	// Removed is set when the entity is gone.
	Removed bool
}

// Feed tells what changed.
type Feed interface {
	// Subscribe calls fn with every batch of changes after the read model has
	// taken it in, from one goroutine at a time, until cancel is called. fn
	// must not block.
	Subscribe(fn func([]Change)) (cancel func())
}
