package httpx

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// SyntaxMessage says why text is not JSON, in the words of the engine that
// clients of Backstage have heard so far. It returns an empty string if text
// is JSON.
func SyntaxMessage(text []byte) string {
	s := &scanner{text: text}
	if message := s.value(); message != "" {
		return message
	}
	s.space()
	if s.pos < len(text) {
		return s.at("Unexpected non-whitespace character after JSON")
	}
	return ""
}

// bodyMessage is [SyntaxMessage] for request bodies, of which anything but an
// object or a list is refused at its first character.
func bodyMessage(text []byte) string {
	s := &scanner{text: text}
	s.space()
	if s.pos < len(text) && text[s.pos] != '{' && text[s.pos] != '[' {
		return s.token()
	}
	return SyntaxMessage(text)
}

// scanner walks JSON text to its first mistake. Its methods return the
// message, or nothing if all is well.
type scanner struct {
	text  []byte
	pos   int
	depth int
}

const (
	maxScanDepth = 10000
	shownContext = 10
)

func (s *scanner) space() {
	for s.pos < len(s.text) && strings.IndexByte(" \t\r\n", s.text[s.pos]) >= 0 {
		s.pos++
	}
}

func (s *scanner) value() string {
	s.space()
	if s.pos >= len(s.text) {
		return "Unexpected end of JSON input"
	}
	if s.depth++; s.depth > maxScanDepth {
		return "JSON is nested too deeply"
	}
	defer func() { s.depth-- }()
	switch c := s.text[s.pos]; {
	case c == '{':
		return s.object()
	case c == '[':
		return s.list()
	case c == '"':
		return s.str()
	case c == '-' || c >= '0' && c <= '9':
		return s.number()
	case c == 't':
		return s.word("true")
	case c == 'f':
		return s.word("false")
	case c == 'n':
		return s.word("null")
	}
	return s.token()
}

func (s *scanner) object() string {
	s.pos++
	s.space()
	if s.peek() == '}' {
		s.pos++
		return ""
	}
	for first := true; ; first = false {
		s.space()
		switch {
		case s.pos >= len(s.text) && first:
			return s.at("Expected property name or '}' in JSON")
		case s.peek() != '"' && first:
			return s.at("Expected property name or '}' in JSON")
		case s.peek() != '"':
			return s.at("Expected double-quoted property name in JSON")
		}
		if message := s.str(); message != "" {
			return message
		}
		s.space()
		if s.peek() != ':' {
			return s.at("Expected ':' after property name in JSON")
		}
		s.pos++
		if message := s.value(); message != "" {
			return message
		}
		s.space()
		switch s.peek() {
		case ',':
			s.pos++
		case '}':
			s.pos++
			return ""
		default:
			return s.at("Expected ',' or '}' after property value in JSON")
		}
	}
}

func (s *scanner) list() string {
	s.pos++
	s.space()
	if s.peek() == ']' {
		s.pos++
		return ""
	}
	for {
		if message := s.value(); message != "" {
			return message
		}
		s.space()
		switch s.peek() {
		case ',':
			s.pos++
		case ']':
			s.pos++
			return ""
		default:
			return s.at("Expected ',' or ']' after array element in JSON")
		}
	}
}

func (s *scanner) str() string {
	for s.pos++; s.pos < len(s.text); s.pos++ {
		switch c := s.text[s.pos]; {
		case c == '"':
			s.pos++
			return ""
		case c < ' ':
			return s.at("Bad control character in string literal in JSON")
		case c == '\\':
			if message := s.escape(); message != "" {
				return message
			}
		}
	}
	return s.at("Unterminated string in JSON")
}

func (s *scanner) escape() string {
	s.pos++
	switch c := s.peek(); {
	case c == 'u':
		for range 4 {
			s.pos++
			if strings.IndexByte("0123456789abcdefABCDEF", s.peek()) < 0 {
				return s.at("Bad Unicode escape in JSON")
			}
		}
	case strings.IndexByte(`"\/bfnrt`, c) < 0:
		return s.at("Bad escaped character in JSON")
	}
	return ""
}

func (s *scanner) digits() (n int) {
	for s.pos < len(s.text) && s.text[s.pos] >= '0' && s.text[s.pos] <= '9' {
		s.pos++
		n++
	}
	return n
}

func (s *scanner) number() string {
	if s.peek() == '-' {
		s.pos++
		if c := s.peek(); c < '0' || c > '9' {
			return s.at("No number after minus sign in JSON")
		}
	}
	if s.peek() == '0' {
		s.pos++
		if c := s.peek(); c >= '0' && c <= '9' {
			return s.at("Unexpected number in JSON")
		}
	} else {
		s.digits()
	}
	if s.peek() == '.' {
		s.pos++
		if s.digits() == 0 {
			return s.at("Unterminated fractional number in JSON")
		}
	}
	if c := s.peek(); c == 'e' || c == 'E' {
		s.pos++
		if c := s.peek(); c == '+' || c == '-' {
			s.pos++
		}
		if s.digits() == 0 {
			return s.at("Exponent part is missing a number in JSON")
		}
	}
	return ""
}

func (s *scanner) word(word string) string {
	for i := range len(word) {
		if s.pos >= len(s.text) {
			return "Unexpected end of JSON input"
		}
		if s.text[s.pos] != word[i] {
			return s.token()
		}
		s.pos++
	}
	return ""
}

// peek gives the next character, 0 at the end.
func (s *scanner) peek() byte {
	if s.pos >= len(s.text) {
		return 0
	}
	return s.text[s.pos]
}

// at is a message with the place.
func (s *scanner) at(what string) string {
	before := s.text[:min(s.pos, len(s.text))]
	return fmt.Sprintf("%s at position %d", what, utf16Len(before))
}

// token is the message for a character that can not stand here, with the
// text around it.
func (s *scanner) token() string {
	r, _ := utf8.DecodeRune(s.text[s.pos:])
	all := []rune(string(s.text))
	at := utf8.RuneCount(s.text[:s.pos])
	if len(all) <= 4*shownContext {
		return fmt.Sprintf("Unexpected token '%c', \"%s\" is not valid JSON", r, string(all))
	}
	from, to := max(0, at-shownContext), min(len(all), at+shownContext)
	excerpt := `"` + string(all[from:to]) + `"`
	if from > 0 {
		excerpt = "..." + excerpt
	}
	if to < len(all) {
		excerpt += "..."
	}
	return fmt.Sprintf("Unexpected token '%c', %s is not valid JSON", r, excerpt)
}

// utf16Len counts as JavaScript does.
func utf16Len(b []byte) (n int) {
	for _, r := range string(b) {
		n++
		if r > 0xffff {
			n++
		}
	}
	return n
}
