package catalog

// Filter is a condition on entities. Query-string filters, predicates and
// permission conditions all become a Filter, so that counts, facets, cursors
// and pages agree. Keys are dotted paths such as "metadata.tags" and, like
// values, are compared without regard to case. The zero Filter (nil) holds for
// every entity.
//
// The set of filters is closed: [And], [Or], [Not], [Match], [Exists],
// [HasPrefix], [RelatedTo].
type Filter interface{ isFilter() }

type (
	// And holds when all of its filters hold; the empty And always holds.
	And []Filter
	// Or holds when one of its filters holds; the empty Or never holds.
	Or []Filter
	// Not holds when its filter does not.
	Not struct{ Filter Filter }
	// Match holds when the value at Key, or one item of the array there, is
	// one of Values. A null value is matched by no Match.
	Match struct {
		Key    string
		Values []string
	}
	// Exists holds when there is a value at Key, null included.
	Exists struct{ Key string }
	// HasPrefix holds when a value at Key starts with Prefix.
	HasPrefix struct{ Key, Prefix string }
	// RelatedTo holds when the entity has a relation of the type to one of the
	// targets (rendered refs). An empty Type means any type, no Targets means
	// any target.
	RelatedTo struct {
		Type    string
		Targets []string
	}
)

func (And) isFilter()       {}
func (Or) isFilter()        {}
func (Not) isFilter()       {}
func (Match) isFilter()     {}
func (Exists) isFilter()    {}
func (HasPrefix) isFilter() {}
func (RelatedTo) isFilter() {}
