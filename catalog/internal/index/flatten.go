package index

import (
	"bytes"
	"errors"
	"fmt"
	"hash/maphash"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth is how deep an entity may be nested.
const maxDepth = 200

const (
	rowNull  = 1 << iota // the value is null or too long
	rowArray             // the value is an item of an array
	rowLower             // the value equals its lower-case form
)

// row is one searchable (key, value) of an entity. The key is in lower case,
// the value in the author's.
type row struct {
	key, val []byte
	kh, vh   uint64 // hashes of the key and of the lower-case value
	flags    uint8
}

// flattener cuts the JSON of entities into rows. The rows of one run point
// into its buffers and into the JSON, and are valid until reset.
type flattener struct {
	seed    maphash.Seed
	in      []byte
	pos     int
	depth   int
	stray   bool // there were relations or a status
	path    []byte
	rows    []row
	text    []byte // keys and unescaped values
	scratch []byte
}

var errJSON = errors.New("malformed JSON")

// reset forgets the rows of earlier runs, whose memory is used again.
func (f *flattener) reset() { f.rows, f.text = f.rows[:0], f.text[:0] }

// run appends the rows of the entity and returns them. The closing brace of
// the entity may be missing. Of what is not searched nothing is returned:
// attachments, relations and status at the top, uid and etag in the metadata.
func (f *flattener) run(in []byte) ([]row, error) {
	f.in, f.pos, f.depth, f.stray, f.path = in, 0, 0, false, f.path[:0]
	from := len(f.rows)
	f.space()
	if f.pos >= len(in) || in[f.pos] != '{' {
		return nil, errJSON
	}
	if err := f.object(); err != nil {
		return nil, fmt.Errorf("%w at byte %d", err, f.pos)
	}
	return f.rows[from:], nil
}

func (f *flattener) space() {
	for f.pos < len(f.in) && f.in[f.pos] <= ' ' {
		f.pos++
	}
}

// object reads the object at pos.
func (f *flattener) object() error {
	f.depth++
	defer func() { f.depth-- }()
	if f.depth > maxDepth {
		return errJSON
	}
	f.pos++
	base := len(f.path)
	for {
		f.space()
		if f.pos >= len(f.in) {
			if f.depth == 1 {
				return nil
			}
			return errJSON
		}
		switch f.in[f.pos] {
		case '}':
			f.pos++
			return nil
		case ',':
			f.pos++
			continue
		}
		name, err := f.str()
		if err != nil {
			return err
		}
		f.space()
		if f.pos >= len(f.in) || f.in[f.pos] != ':' {
			return errJSON
		}
		f.pos++
		if f.unsearched(name) {
			end := skipValue(f.in, f.pos)
			if end < 0 {
				return errJSON
			}
			f.pos = end
			continue
		}
		if base > 0 {
			f.path = append(f.path, '.')
		}
		f.path = lower(f.path, name)
		if err := f.value(0); err != nil {
			return err
		}
		f.path = f.path[:base]
	}
}

// unsearched reports whether the member of the object that is read is left
// out.
func (f *flattener) unsearched(name []byte) bool {
	switch f.depth {
	case 1:
		switch string(name) {
		case "relations", "status":
			f.stray = true
			return true
		case "attachments":
			return true
		}
	case 2:
		if string(f.path) == "metadata" {
			return string(name) == "uid" || string(name) == "etag"
		}
	}
	return false
}

// value reads the value at pos, of which the key is path.
func (f *flattener) value(flags uint8) error {
	f.space()
	if f.pos >= len(f.in) {
		return errJSON
	}
	switch c := f.in[f.pos]; c {
	case '{':
		return f.object()
	case '[':
		return f.array()
	case '"':
		val, err := f.str()
		if err != nil {
			return err
		}
		f.add(f.path, val, flags)
		return nil
	default:
		end := f.pos
		for end < len(f.in) && f.in[end] > ' ' && f.in[end] != ',' && f.in[end] != '}' && f.in[end] != ']' {
			end++
		}
		val := f.in[f.pos:end]
		if f.pos = end; len(val) == 0 {
			return errJSON
		}
		if c == 'n' {
			f.add(f.path, nil, rowNull)
			return nil
		}
		f.add(f.path, val, flags)
		return nil
	}
}

func (f *flattener) array() error {
	f.depth++
	defer func() { f.depth-- }()
	if f.depth > maxDepth {
		return errJSON
	}
	f.pos++
	for {
		f.space()
		if f.pos >= len(f.in) {
			return errJSON
		}
		switch f.in[f.pos] {
		case ']':
			f.pos++
			return nil
		case ',':
			f.pos++
			continue
		}
		if err := f.value(rowArray); err != nil {
			return err
		}
	}
}

// add appends a row.
func (f *flattener) add(key, val []byte, flags uint8) {
	if tooLong(key) {
		return
	}
	if flags&rowNull == 0 && tooLong(val) {
		val, flags = nil, rowNull
	}
	r := row{flags: flags, val: val}
	if n := len(f.rows); n > 0 && string(f.rows[n-1].key) == string(key) {
		r.key, r.kh = f.rows[n-1].key, f.rows[n-1].kh
	} else {
		from := len(f.text)
		f.text = append(f.text, key...)
		r.key = f.text[from:len(f.text):len(f.text)]
		r.kh = maphash.Bytes(f.seed, r.key)
	}
	if flags&rowNull == 0 {
		if isLower(val) {
			r.flags |= rowLower
			r.vh = maphash.Bytes(f.seed, val)
		} else {
			f.scratch = lower(f.scratch[:0], val)
			r.vh = maphash.Bytes(f.seed, f.scratch)
		}
	}
	f.rows = append(f.rows, r)
}

// str reads the string at pos. The result points into the JSON or, when there
// was an escape, into text.
func (f *flattener) str() ([]byte, error) {
	raw, end := rawString(f.in, f.pos)
	if end < 0 {
		return nil, errJSON
	}
	f.pos = end
	i := bytes.IndexByte(raw, '\\')
	if i < 0 {
		return raw, nil
	}
	from := len(f.text)
	f.text = append(f.text, raw[:i]...)
	f.text = unescape(f.text, raw[i:])
	return f.text[from:len(f.text):len(f.text)], nil
}

// rawString returns what stands between the quotes of the string at i and the
// position behind it, or -1.
func rawString(in []byte, i int) ([]byte, int) {
	if i >= len(in) || in[i] != '"' {
		return nil, -1
	}
	for j := i + 1; j < len(in); j++ {
		switch in[j] {
		case '\\':
			j++
		case '"':
			return in[i+1 : j], j + 1
		}
		if j-i == 16 {
			// A long text: look for its end in larger steps.
			n := bytes.IndexByte(in[j+1:], '"')
			if n < 0 {
				return nil, -1
			}
			if bytes.IndexByte(in[j+1:j+1+n], '\\') < 0 {
				return in[i+1 : j+1+n], j + n + 2
			}
		}
	}
	return nil, -1
}

// unescape appends what the JSON string content means.
func unescape(dst, raw []byte) []byte {
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' || i+1 >= len(raw) {
			dst = append(dst, raw[i])
			continue
		}
		i++
		switch raw[i] {
		case 'b':
			dst = append(dst, '\b')
		case 'f':
			dst = append(dst, '\f')
		case 'n':
			dst = append(dst, '\n')
		case 'r':
			dst = append(dst, '\r')
		case 't':
			dst = append(dst, '\t')
		case 'u':
			r := hex4(raw[i+1:])
			i += 4
			if utf16.IsSurrogate(r) && i+2 < len(raw) && raw[i+1] == '\\' && raw[i+2] == 'u' {
				if both := utf16.DecodeRune(r, hex4(raw[i+3:])); both != utf8.RuneError {
					r = both
					i += 6
				}
			}
			dst = utf8.AppendRune(dst, r)
		default:
			dst = append(dst, raw[i])
		}
	}
	return dst
}

func hex4(b []byte) rune {
	if len(b) < 4 {
		return utf8.RuneError
	}
	n, err := strconv.ParseUint(string(b[:4]), 16, 32)
	if err != nil {
		return utf8.RuneError
	}
	return rune(n)
}

// skipValue returns the position behind the JSON value at i, or -1.
func skipValue(in []byte, i int) int {
	for i < len(in) && in[i] <= ' ' {
		i++
	}
	if i >= len(in) {
		return -1
	}
	switch in[i] {
	case '"':
		_, end := rawString(in, i)
		return end
	case '{', '[':
	default:
		start := i
		for i < len(in) && in[i] > ' ' && in[i] != ',' && in[i] != '}' && in[i] != ']' {
			i++
		}
		if i == start {
			return -1
		}
		return i
	}
	depth := 0
	for ; i < len(in); i++ {
		switch in[i] {
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
		case '"':
			_, end := rawString(in, i)
			if end < 0 {
				return -1
			}
			i = end - 1
		}
	}
	return -1
}

// eachMember calls fn with the raw name and value of each member of the JSON
// object until fn returns false, and the positions of the member's start and
// end. It reports whether the object is well formed as far as it was read; its
// closing brace may be missing.
func eachMember(in []byte, fn func(name, value []byte, start, end int) bool) bool {
	i := 0
	for i < len(in) && in[i] <= ' ' {
		i++
	}
	if i >= len(in) || in[i] != '{' {
		return false
	}
	for i++; i < len(in); {
		switch c := in[i]; {
		case c <= ' ' || c == ',':
			i++
			continue
		case c == '}':
			return true
		}
		start := i
		name, at := rawString(in, i)
		if at < 0 {
			return false
		}
		for at < len(in) && in[at] != ':' {
			at++
		}
		at++
		for at < len(in) && in[at] <= ' ' {
			at++
		}
		end := skipValue(in, at)
		if end < 0 {
			return false
		}
		if !fn(name, in[at:end], start, end) {
			return true
		}
		i = end
	}
	return true
}
