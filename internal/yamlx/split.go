package yamlx

import (
	"bytes"
	"iter"
	"strings"
)

// piece is the text of one document in a stream.
type piece struct {
	text      []byte
	line      int  // of the first byte of text, from 1
	version11 bool // under a %YAML 1.1 directive
	err       string
	errLine   int
}

// split cuts a stream into documents before anything is parsed. A line that
// begins with --- or ... and white space is a document marker wherever it
// stands: YAML ends even block scalars and quoted text there. That makes the
// cut exact, and it is what lets one broken document leave the others whole.
func split(data []byte) iter.Seq[piece] {
	return func(yield func(piece) bool) {
		s := splitter{data: data, lineNumber: 1}
		for s.offset < len(data) {
			if s.line() && !yield(s.take()) {
				return
			}
		}
		if s.explicit || s.content || s.directives {
			yield(s.finish())
		}
	}
}

// splitter walks the lines of a stream. The current document is
// data[start:offset].
type splitter struct {
	data       []byte
	offset     int // of the next line
	lineNumber int // of the next line

	start, startLine int
	explicit         bool // the current document has its --- marker
	content          bool // … or at least one line of content
	directives       bool // a directive stands before the marker to come
	directiveLine    int

	version11, pending11, pendingSet bool
	done                             piece
}

// line consumes one line and reports whether it completed a document, which
// take then returns.
func (s *splitter) line() bool {
	if s.startLine == 0 {
		s.startLine = s.lineNumber
	}
	begin := s.offset
	end := bytes.IndexByte(s.data[begin:], '\n')
	if end < 0 {
		end = len(s.data)
	} else {
		end += begin + 1
	}
	text := s.data[begin:end]
	s.offset = end
	s.lineNumber++
	switch {
	case isMarker(text, "---"):
		return s.openMarker(begin)
	case isMarker(text, "..."):
		return s.closeMarker(begin, end)
	case s.explicit || s.content:
	case text[0] == '%':
		s.directive(text)
	case !isBlankOrComment(text):
		s.content = true
	}
	return false
}

func isMarker(line []byte, marker string) bool {
	if len(line) < 3 || line[0] != marker[0] || string(line[:3]) != marker {
		return false
	}
	return len(line) == 3 || strings.IndexByte(" \t\r\n", line[3]) >= 0
}

func isBlankOrComment(line []byte) bool {
	line = bytes.TrimLeft(line, " \t\r\n")
	return len(line) == 0 || line[0] == '#'
}

func (s *splitter) openMarker(begin int) bool {
	completed := s.explicit || s.content
	if completed {
		s.done = s.cut(begin)
		s.start, s.startLine = begin, s.lineNumber-1
	}
	if s.pendingSet {
		s.version11 = s.pending11
	}
	s.explicit, s.content, s.directives, s.pendingSet = true, false, false, false
	return completed
}

// closeMarker ends the document at ... . Without a document it stands for an
// empty one only at the very beginning, as npm reads it; what follows the
// marker on its line belongs to nothing and is left to the parser to refuse.
func (s *splitter) closeMarker(begin, end int) bool {
	cutAt := begin
	if tail := s.data[begin+3 : end]; !isBlankOrComment(tail) {
		cutAt = end
	}
	completed := s.explicit || s.content || s.start == 0 || s.directives
	if completed {
		s.done = s.cut(cutAt)
	}
	s.start, s.startLine = end, s.lineNumber
	s.explicit, s.content, s.directives = false, false, false
	return completed
}

func (s *splitter) directive(line []byte) {
	s.directives, s.directiveLine = true, s.lineNumber-1
	fields := strings.Fields(string(line))
	if len(fields) >= 2 && fields[0] == "%YAML" {
		s.pendingSet, s.pending11 = true, fields[1] == "1.1"
	}
}

// cut makes a piece of the current document up to the offset at.
func (s *splitter) cut(at int) piece {
	p := piece{text: s.data[s.start:at], line: s.startLine, version11: s.version11}
	if !s.explicit && s.directives {
		p.err, p.errLine = "a directive (%) needs a line with --- between itself and the document", s.directiveLine
		return p
	}
	p.text = withoutDirectives(p.text)
	return p
}

func (s *splitter) take() piece { return s.done }

func (s *splitter) finish() piece { return s.cut(len(s.data)) }

// withoutDirectives turns the lines before the --- marker that begin with %
// into comments, except %TAG: versions are handled here, because the parser
// refuses 1.2, and unknown directives are to be ignored.
func withoutDirectives(text []byte) []byte {
	if !bytes.HasPrefix(text, []byte("%")) && !bytes.Contains(text, []byte("\n%")) {
		return text
	}
	var out []byte
	for offset := 0; offset < len(text); {
		end := bytes.IndexByte(text[offset:], '\n') + offset + 1
		if end == offset {
			end = len(text)
		}
		line := text[offset:end]
		if isMarker(line, "---") {
			break
		}
		if line[0] == '%' && !bytes.HasPrefix(line, []byte("%TAG")) {
			if out == nil {
				out = bytes.Clone(text)
			}
			out[offset] = '#'
		}
		if !isBlankOrComment(line) && line[0] != '%' {
			break
		}
		offset = end
	}
	if out == nil {
		return text
	}
	return out
}
