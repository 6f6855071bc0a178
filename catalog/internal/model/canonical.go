package model

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"sync"
	"unicode/utf8"

	"github.com/stagedoor/stagedoor/catalog"
)

// AppendCanonical appends v as JSON that is the same for equal values: keys
// sorted by code unit, numbers as JavaScript writes them, no HTML escaping,
// no blanks. Values other than the JSON ones are written as encoding/json does.
func AppendCanonical(dst []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...)
	case bool:
		return strconv.AppendBool(dst, v)
	case string:
		return appendString(dst, v)
	case float64:
		return appendNumber(dst, v)
	case int:
		return appendNumber(dst, float64(v))
	case map[string]any:
		return appendObject(dst, v)
	case catalog.Entity:
		return appendObject(dst, v)
	case []any:
		dst = append(dst, '[')
		for i, item := range v {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = AppendCanonical(dst, item)
		}
		return append(dst, ']')
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return append(dst, "null"...)
	}
	return append(dst, raw...)
}

// keyLists recycles the slices that sorting needs.
var keyLists = sync.Pool{New: func() any { s := make([]string, 0, 32); return &s }}

func appendObject(dst []byte, m map[string]any) []byte {
	dst = append(dst, '{')
	dst, _ = appendFields(dst, m, true, nil)
	return append(dst, '}')
}

// appendFields appends the members of m by sorted key, but not those that skip
// names. first says that no comma is due; the answer says the same.
func appendFields(dst []byte, m map[string]any, first bool, skip func(string) bool) ([]byte, bool) {
	list := keyLists.Get().(*[]string)
	keys := (*list)[:0]
	for k := range m {
		if skip == nil || !skip(k) {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, CompareUTF16)
	for _, k := range keys {
		dst = appendMember(dst, k, m[k], first)
		first = false
	}
	clear(keys)
	*list = keys
	keyLists.Put(list)
	return dst, first
}

func appendMember(dst []byte, key string, v any, first bool) []byte {
	if !first {
		dst = append(dst, ',')
	}
	dst = appendString(dst, key)
	dst = append(dst, ':')
	return AppendCanonical(dst, v)
}

// The order of well-known keys in metadata on the wire.
var (
	metadataHead = []string{"namespace", "annotations", "name", "title", "description"}
	metadataTail = []string{"uid", "etag"}
)

func isOrderedMetadata(key string) bool {
	return slices.Contains(metadataHead, key) || slices.Contains(metadataTail, key)
}

func isOrderedRoot(key string) bool {
	switch key {
	case "metadata", "apiVersion", "kind", "spec", "relations", "status":
		return true
	}
	return false
}

// AppendEntity appends e as JSON in the order of keys that clients are used
// to: metadata (namespace, annotations, name, title, description, the others
// sorted, uid, etag), apiVersion, kind, spec. Relations and status are left
// out. The result is the same for equal entities.
func AppendEntity(dst []byte, e catalog.Entity) []byte {
	dst = append(dst, '{')
	first := true
	if meta := e.Metadata(); meta != nil {
		dst = append(dst, `"metadata":{`...)
		dst = appendMetadata(dst, meta)
		dst = append(dst, '}')
		first = false
	}
	for _, key := range []string{"apiVersion", "kind", "spec"} {
		if v, ok := e[key]; ok {
			dst = appendMember(dst, key, v, first)
			first = false
		}
	}
	dst, _ = appendFields(dst, e, first, isOrderedRoot)
	return append(dst, '}')
}

func appendMetadata(dst []byte, meta map[string]any) []byte {
	first := true
	for _, key := range metadataHead {
		if v, ok := meta[key]; ok {
			dst = appendMember(dst, key, v, first)
			first = false
		}
	}
	dst, first = appendFields(dst, meta, first, isOrderedMetadata)
	for _, key := range metadataTail {
		if v, ok := meta[key]; ok {
			dst = appendMember(dst, key, v, first)
			first = false
		}
	}
	return dst
}

// appendNumber writes a number as JavaScript's JSON.stringify does.
func appendNumber(dst []byte, f float64) []byte {
	switch {
	case math.IsNaN(f) || math.IsInf(f, 0):
		return append(dst, "null"...)
	case f == 0:
		return append(dst, '0')
	}
	if abs := math.Abs(f); abs >= 1e-6 && abs < 1e21 {
		return strconv.AppendFloat(dst, f, 'f', -1, 64)
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, f, 'e', -1, 64)
	// Go pads the exponent to two digits, JavaScript does not.
	if n := len(dst); n-start >= 4 && dst[n-2] == '0' && (dst[n-3] == '-' || dst[n-3] == '+') {
		dst[n-2] = dst[n-1]
		dst = dst[:n-1]
	}
	return dst
}

const hexDigits = "0123456789abcdef"

// appendString writes a string as JavaScript's JSON.stringify does; bytes that
// are not UTF-8 become U+FFFD.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 {
				dst = append(dst, s[start:i]...)
				dst = append(dst, "\uFFFD"...)
				start = i + 1
			}
			i += size
			continue
		}
		if c >= ' ' && c != '"' && c != '\\' {
			i++
			continue
		}
		dst = append(dst, s[start:i]...)
		dst = appendEscape(dst, c)
		i++
		start = i
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}

func appendEscape(dst []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(dst, '\\', c)
	case '\b':
		return append(dst, '\\', 'b')
	case '\f':
		return append(dst, '\\', 'f')
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	return append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xF])
}

// CompareUTF16 orders strings as JavaScript does, by UTF-16 code unit: as
// bytes, except that characters beyond U+FFFF come before those from U+E000.
func CompareUTF16(a, b string) int {
	for i := 0; i < len(a) && i < len(b); i++ {
		x, y := a[i], b[i]
		if x == y {
			continue
		}
		if x >= 0xEE && y >= 0xEE && (x >= 0xF0) != (y >= 0xF0) {
			if x >= 0xF0 {
				return -1
			}
			return 1
		}
		if x < y {
			return -1
		}
		return 1
	}
	return len(a) - len(b)
}
