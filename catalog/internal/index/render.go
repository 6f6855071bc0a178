package index

import (
	"crypto/sha1" //nolint:gosec // see prepare.go
	"encoding/binary"
	"encoding/hex"
	"sync"
	"unicode/utf8"
)

// scratch are buffers for what an etag is computed over.
var scratch = sync.Pool{New: func() any { b := make([]byte, 0, 4<<10); return &b }}

// AppendJSON appends the entity as clients get it: metadata with uid and etag,
// apiVersion, kind, spec, relations and, when there is something to say,
// status.
func (s *Snapshot) AppendJSON(dst []byte, id ID) []byte {
	e := s.ent(id)
	blob := s.blob(e)
	buf := scratch.Get().(*[]byte)
	tail := s.appendTail((*buf)[:0], e)
	dst = append(dst, blob[:e.insert]...)
	dst = s.appendIdentity(dst, e, blob, tail)
	dst = append(dst, blob[e.insert:]...)
	dst = append(dst, `,"relations":`...)
	dst = append(dst, tail[len(e.hash):]...)
	*buf = tail
	scratch.Put(buf)
	if status := s.status(e); len(status) > 0 {
		dst = append(dst, `,"status":`...)
		dst = append(dst, status...)
	}
	return append(dst, '}')
}

// appendTail appends the content's hash and the relations, over which, with
// the status, the etag is computed.
func (s *Snapshot) appendTail(dst []byte, e *entity) []byte {
	dst = append(dst, e.hash[:]...)
	return s.appendRelations(dst, e)
}

// appendIdentity appends the members uid and etag as they stand in the
// metadata.
func (s *Snapshot) appendIdentity(dst []byte, e *entity, blob, tail []byte) []byte {
	if blob[e.insert-1] != '{' {
		dst = append(dst, ',')
	}
	dst = append(dst, `"uid":`...)
	dst = appendString(dst, s.terms.bytes(e.uid))
	if !e.ownEtag {
		dst = append(dst, `,"etag":"`...)
		dst = s.appendEtag(dst, e, tail)
		dst = append(dst, '"')
	}
	if next := blob[e.insert]; next == '"' {
		dst = append(dst, ',')
	}
	return dst
}

// appendEtag appends the 40 hexadecimal digits of the etag.
func (s *Snapshot) appendEtag(dst []byte, e *entity, tail []byte) []byte {
	sum := sha1.Sum(append(tail, s.status(e)...)) //nolint:gosec // see prepare.go
	return hex.AppendEncode(dst, sum[:])
}

// Etag returns the etag that the catalog computed, also of an entity whose
// author wrote another one: 40 hexadecimal digits that change with content,
// relations and status.
func (s *Snapshot) Etag(id ID) string {
	e := s.ent(id)
	return string(s.appendEtag(nil, e, s.appendTail(nil, e)))
}

// appendRelations appends the relations as a JSON array.
func (s *Snapshot) appendRelations(dst []byte, e *entity) []byte {
	dst = append(dst, '[')
	edges := s.out.at(e.ref)
	for i, x := range edges {
		if i > 0 {
			if sameEnd(x, edges[i-1]) {
				continue
			}
			dst = append(dst, ',')
		}
		dst = append(dst, `{"type":`...)
		dst = appendString(dst, s.names.bytes(x.typ))
		dst = append(dst, `,"targetRef":`...)
		dst = appendString(dst, s.names.bytes(x.peer))
		dst = append(dst, '}')
	}
	return append(dst, ']')
}

// appendString appends text as a JSON string, with no escapes but those that
// JSON asks for.
func appendString(dst, text []byte) []byte {
	const digits = "0123456789abcdef"
	dst = append(dst, '"')
	from := 0
	for i := plainPrefix(text); i < len(text); i++ {
		c := text[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			continue
		}
		if c >= utf8.RuneSelf {
			if r, size := utf8.DecodeRune(text[i:]); r != utf8.RuneError || size > 1 {
				i += size - 1
				continue
			}
			dst = append(append(dst, text[from:i]...), "\uFFFD"...)
			from = i + 1
			continue
		}
		dst = append(dst, text[from:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		}
		from = i + 1
	}
	return append(append(dst, text[from:]...), '"')
}

// plainPrefix returns a length up to which no byte of the text needs a closer
// look, a multiple of eight: refs are nearly always plain to the end, and this
// is the hottest loop of a large answer.
func plainPrefix(text []byte) int {
	const (
		ones  = 0x0101010101010101
		highs = 0x8080808080808080
	)
	i := 0
	for ; len(text)-i >= 8; i += 8 {
		w := binary.LittleEndian.Uint64(text[i:])
		quote, backslash := w^(ones*'"'), w^(ones*'\\')
		odd := w | (w - ones*' ') | (quote - ones) | (backslash - ones)
		if odd&highs != 0 { // rarely too careful, never too bold
			break
		}
	}
	return i
}
