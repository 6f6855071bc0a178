package index

import (
	"bytes"
	"slices"
	"strings"
	"sync"

	"github.com/RoaringBitmap/roaring/v2"
)

// textFields returns the fields that the text filter searches.
func (s *Snapshot) textFields(q PageQuery) []string {
	switch {
	case len(q.Text.Fields) > 0:
		return q.Text.Fields
	case len(q.Order) > 0:
		return []string{q.Order[0].Field}
	case s.strict:
		return []string{"metadata.uid"}
	}
	return []string{"metadata.name", "metadata.title", "metadata.description"}
}

// contains returns the entities of which one of the fields contains the term.
func (s *Snapshot) contains(term string, fields []string) *Bitmap {
	low := []byte(strings.ToLower(term))
	ok := func(value []byte) bool { return bytes.Contains(value, low) }
	search := func(key uint32, found func(term uint32)) { s.texts.get(s, key).search(low, found) }
	var pattern []rune
	if s.strict && bytes.ContainsAny(low, "%_") {
		pattern = []rune("%" + string(low) + "%")
		ok = func(value []byte) bool { return like(pattern, []rune(string(value))) }
	}
	set := roaring.New()
	for _, f := range fields {
		if f = strings.ToLower(f); pattern != nil {
			set.Or(s.where(f, ok))
		} else {
			set.Or(s.whereBy(f, ok, search))
		}
	}
	return set
}

// textColumns keep the values of keys that texts were searched in, one behind
// the other, so that a search is one run over memory. As terms are never
// removed, one column serves all snapshots.
type textColumns struct {
	mu   sync.Mutex // held while a column grows
	keys sync.Map   // key to *textColumn
}

// textColumn is the values of one key in lower case.
type textColumn struct {
	head   uint32 // last term of the key, plus 1, when the column was made
	text   []byte
	starts []uint32 // where the values start in text
	terms  []uint32 // their terms
}

// textEnd stands behind every value; it occurs in no UTF-8.
const textEnd = 0xff

// get returns the column of the key. It may hold terms that are newer than
// the snapshot; no entity of the snapshot has them.
func (t *textColumns) get(s *Snapshot, key uint32) *textColumn {
	head := s.keyHead.at(key)
	if c := t.column(key); c.head >= head {
		return c
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	old := t.column(key)
	if old.head >= head {
		return old
	}
	var fresh []uint32
	for id := head; id != 0 && id != old.head; id = s.terms.entry(id - 1).prev {
		fresh = append(fresh, id-1)
	}
	// What is appended lies behind all that readers of the old column see.
	c := &textColumn{head: head, text: old.text, starts: old.starts, terms: old.terms}
	for _, id := range slices.Backward(fresh) {
		c.starts = append(c.starts, uint32(len(c.text)))
		c.terms = append(c.terms, id)
		c.text = append(lower(c.text, s.terms.bytes(id)), textEnd)
	}
	t.keys.Store(key, c)
	return c
}

func (t *textColumns) column(key uint32) *textColumn {
	if v, ok := t.keys.Load(key); ok {
		return v.(*textColumn)
	}
	return &textColumn{}
}

// search calls found with every term of which the value contains low.
func (c *textColumn) search(low []byte, found func(term uint32)) {
	for at := 0; at < len(c.text); {
		i := bytes.Index(c.text[at:], low)
		if i < 0 {
			return
		}
		n, hit := slices.BinarySearch(c.starts, uint32(at+i))
		if !hit {
			n--
		}
		found(c.terms[n])
		if n+1 == len(c.starts) {
			return
		}
		at = int(c.starts[n+1])
	}
}

// like reports whether the text matches the pattern, in which % stands for any
// text and _ for any one character.
func like(pattern, text []rune) bool {
	p, t := 0, 0
	star, back := -1, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '%':
			star, back = p, t
			p++
		case p < len(pattern) && (pattern[p] == '_' || pattern[p] == text[t]):
			p++
			t++
		case star >= 0:
			back++
			p, t = star+1, back
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '%' {
		p++
	}
	return p == len(pattern)
}
