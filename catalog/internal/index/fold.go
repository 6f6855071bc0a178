package index

import (
	"bytes"
	"encoding/binary"
	"unicode/utf8"
	"unsafe"
)

// lower appends the lower-case form of b to dst.
func lower(dst, b []byte) []byte {
	if isLower(b) {
		return append(dst, b...)
	}
	for i, c := range b {
		if c >= utf8.RuneSelf {
			return append(dst, bytes.ToLower(b[i:])...)
		}
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}

// isLower reports whether b equals its lower-case form.
func isLower(b []byte) bool {
	for i, c := range b {
		if c >= utf8.RuneSelf {
			return bytes.Equal(bytes.ToLower(b[i:]), b[i:])
		}
		if 'A' <= c && c <= 'Z' {
			return false
		}
	}
	return true
}

// equalLower reports whether the lower-case form of text is want. isLow says
// that text is known to be in lower case.
func equalLower(text []byte, isLow bool, want []byte) bool {
	if isLow {
		return string(text) == string(want)
	}
	var buf [256]byte
	return string(lower(buf[:0], text)) == string(want)
}

// tooLong reports whether the text has more than 200 UTF-16 units, the longest
// that is searchable.
func tooLong(b []byte) bool {
	const limit = 200
	if len(b) <= limit {
		return false
	}
	units := 0
	for i := 0; i < len(b); {
		r, size := utf8.DecodeRune(b[i:])
		i += size
		units++
		if r > 0xffff {
			units++
		}
	}
	return units > limit
}

// compareUnits compares two texts by UTF-16 code units, the order of
// JavaScript. It differs from the order of bytes only where a character beyond
// U+FFFF meets one from U+E000 to U+FFFF.
func compareUnits(a, b string) int {
	n, i := min(len(a), len(b)), 0
	x, y := unsafe.Slice(unsafe.StringData(a), n), unsafe.Slice(unsafe.StringData(b), n)
	for i+8 <= n && binary.NativeEndian.Uint64(x[i:]) == binary.NativeEndian.Uint64(y[i:]) {
		i += 8 // refs have a long way in common
	}
	for ; i < n; i++ {
		x, y := a[i], b[i]
		if x == y {
			continue
		}
		if x >= 0xee && y >= 0xee && (x >= 0xf0) != (y >= 0xf0) {
			x, y = y, x
		}
		if x < y {
			return -1
		}
		return 1
	}
	return len(a) - len(b)
}
