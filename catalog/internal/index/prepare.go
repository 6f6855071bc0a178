package index

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // an etag is not a secret, and clients know 40 hex digits
	"encoding/json"
	"fmt"
	"strings"

	"github.com/stagedoor/stagedoor/catalog"
)

// prepared is a record with everything that can be computed without the
// index, so that several can be made ready at once.
type prepared struct {
	rec       *Record
	seq       int64
	blob      []byte // the entity without closing brace, then the status
	jsonSize  uint32
	insert    uint32 // where uid and etag belong
	ownEtag   bool   // the author wrote an etag
	hash      [20]byte
	rows      []row
	relations []catalog.Relation // without duplicates
	err       error
}

// prepare makes the record ready. The rows are valid until f is reset.
func prepare(rec *Record, seq int64, f *flattener) prepared {
	p := prepared{rec: rec, seq: seq}
	if p.err = p.normalise(); p.err != nil {
		return p
	}
	if p.rows, p.err = searchRows(f, p.blob, rec.UID); p.err != nil {
		return p
	}
	if f.stray {
		// What an entity is related to is not for its author to say.
		p.err = p.rewrite(bytes.TrimSpace(rec.JSON))
	}
	p.hash = sha1.Sum(p.blob) //nolint:gosec // see the import
	if len(rec.Status) > 0 {
		status, err := json.Marshal(struct {
			Items []catalog.StatusItem `json:"items"`
		}{rec.Status})
		if err != nil {
			p.err = err
			return p
		}
		p.blob = append(p.blob, status...)
	}
	p.relations = uniqueRelations(rec.Relations)
	return p
}

// searchRows returns everything an entity is found by, apart from its
// relations.
func searchRows(f *flattener, blob []byte, uid string) ([]row, error) {
	from := len(f.rows)
	rows, err := f.run(blob)
	if err != nil {
		return nil, err
	}
	f.add([]byte("metadata.uid"), []byte(uid), 0)
	if !hasKey(rows, "metadata.namespace") {
		f.add([]byte("metadata.namespace"), []byte(catalog.DefaultNamespace), 0)
	}
	return f.rows[from:len(f.rows):len(f.rows)], nil
}

func hasKey(rows []row, key string) bool {
	for i := range rows {
		if string(rows[i].key) == key {
			return true
		}
	}
	return false
}

// normalise sets blob to the entity's JSON without its closing brace, with an
// etag of the author last in the metadata and the orphan annotation of an
// orphan, and finds the place for uid and etag.
func (p *prepared) normalise() error {
	in := bytes.TrimSpace(p.rec.JSON)
	if len(in) < 2 || in[len(in)-1] != '}' {
		return errJSON
	}
	var meta []byte
	from, plain := 0, true
	ok := eachMember(in, func(name, value []byte, _, end int) bool {
		if string(name) != "metadata" {
			return true
		}
		meta, from = value, end-len(value)
		return false
	})
	if !ok {
		return errJSON
	}
	etagAt, metaEnd := -1, 0
	if len(meta) > 0 && meta[0] == '{' && plain && !p.rec.Orphan {
		ok = eachMember(meta, func(name, _ []byte, start, end int) bool {
			metaEnd = end
			if string(name) == "uid" || etagAt >= 0 {
				plain = false
			}
			if string(name) == "etag" {
				etagAt = start
			}
			return plain
		})
		if !ok {
			return errJSON
		}
	}
	if metaEnd == 0 || !plain {
		return p.rewrite(in)
	}
	p.jsonSize = uint32(len(in) - 1)
	p.blob = in[: len(in)-1 : len(in)-1]
	p.insert = uint32(from + metaEnd)
	if etagAt >= 0 {
		p.ownEtag = true
		p.insert = uint32(from + len(bytes.TrimRight(meta[:etagAt], ", \t\r\n")))
	}
	return nil
}

// rewrite is normalise for entities that need a change.
func (p *prepared) rewrite(in []byte) error {
	var meta, rest, etag []byte
	var annotations []byte
	sawAnnotations := false
	ok := eachMember(in, func(name, value []byte, start, end int) bool {
		switch string(name) {
		case "metadata":
			if value[0] != '{' {
				return true
			}
			return eachMember(value, func(name, member []byte, start, end int) bool {
				switch string(name) {
				case "uid":
				case "etag":
					etag = value[start:end]
				case "annotations":
					if annotations = member; p.rec.Orphan && member[0] == '{' {
						annotations, sawAnnotations = orphaned(member), true
					}
					meta = append(appendComma(meta), `"annotations":`...)
					meta = append(meta, annotations...)
				default:
					meta = append(appendComma(meta), value[start:end]...)
				}
				return true
			})
		case "relations", "status":
		default:
			rest = append(append(rest, ','), in[start:end]...)
		}
		return true
	})
	if !ok {
		return errJSON
	}
	if p.rec.Orphan && !sawAnnotations {
		meta = append(appendComma(meta), `"annotations":`...)
		meta = append(meta, orphaned([]byte("{}"))...)
	}
	p.blob = append([]byte(`{"metadata":{`), meta...)
	p.insert = uint32(len(p.blob))
	if etag != nil {
		p.ownEtag = true
		if len(meta) > 0 {
			p.blob = append(p.blob, ',')
		}
		p.blob = append(p.blob, etag...)
	}
	p.blob = append(append(p.blob, '}'), rest...)
	p.jsonSize = uint32(len(p.blob))
	return nil
}

func appendComma(b []byte) []byte {
	if len(b) > 0 {
		b = append(b, ',')
	}
	return b
}

// orphaned returns the annotations with the orphan annotation last.
func orphaned(annotations []byte) []byte {
	out := []byte{'{'}
	eachMember(annotations, func(name, _ []byte, start, end int) bool {
		if string(name) != catalog.AnnotationOrphan {
			if len(out) > 1 {
				out = append(out, ',')
			}
			out = append(out, annotations[start:end]...)
		}
		return true
	})
	if len(out) > 1 {
		out = append(out, ',')
	}
	return fmt.Appendf(out, "%q:\"true\"}", catalog.AnnotationOrphan)
}

// uniqueRelations returns the relations without duplicates, in any order.
func uniqueRelations(in []catalog.Relation) []catalog.Relation {
	const few = 24
	if len(in) > few {
		seen := make(map[catalog.Relation]bool, len(in))
		out := make([]catalog.Relation, 0, len(in))
		for _, r := range in {
			if !seen[r] {
				seen[r] = true
				out = append(out, r)
			}
		}
		return out
	}
	for i := range in {
		for j := range i {
			if in[i] == in[j] {
				return append(append([]catalog.Relation(nil), in[:i]...), uniqueTail(in, i)...)
			}
		}
	}
	return in
}

// uniqueTail returns what of in[from:] does not occur before.
func uniqueTail(in []catalog.Relation, from int) []catalog.Relation {
	var out []catalog.Relation
next:
	for i := from; i < len(in); i++ {
		for j := range i {
			if in[i] == in[j] {
				continue next
			}
		}
		out = append(out, in[i])
	}
	return out
}

// parentsText is how the parents are interned.
func parentsText(parents []string) string { return strings.Join(parents, "\n") }
