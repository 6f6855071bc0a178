package index

import (
	"bytes"
	"strings"

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
	if s.strict && bytes.ContainsAny(low, "%_") {
		pattern := []rune("%" + string(low) + "%")
		ok = func(value []byte) bool { return like(pattern, []rune(string(value))) }
	}
	set := roaring.New()
	for _, f := range fields {
		set.Or(s.where(strings.ToLower(f), ok))
	}
	return set
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
