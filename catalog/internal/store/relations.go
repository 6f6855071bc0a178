package store

import (
	"strings"

	"github.com/stagedoor/stagedoor/catalog"
)

// EncodeRelations renders the relations that the entity ref emits as text that
// loads fast: one line per relation. A line that begins with > is
// type TAB target with ref as source, < is type TAB source with ref as
// target, and = is source TAB type TAB target. Control characters and
// backslashes in parts, which hardly ever occur, are escaped by a backslash.
func EncodeRelations(ref string, relations []catalog.Relation) string {
	if len(relations) == 0 {
		return ""
	}
	var b strings.Builder
	b.Grow(len(relations) * 48)
	for i, r := range relations {
		if i > 0 {
			b.WriteByte('\n')
		}
		switch {
		case r.Source == ref:
			b.WriteByte('>')
			writePart(&b, r.Type)
			b.WriteByte('\t')
			writePart(&b, r.Target)
		case r.Target == ref:
			b.WriteByte('<')
			writePart(&b, r.Type)
			b.WriteByte('\t')
			writePart(&b, r.Source)
		default:
			b.WriteByte('=')
			writePart(&b, r.Source)
			b.WriteByte('\t')
			writePart(&b, r.Type)
			b.WriteByte('\t')
			writePart(&b, r.Target)
		}
	}
	return b.String()
}

// DecodeRelations reads what [EncodeRelations] made. The relations share the
// memory of text. Lines it does not understand are left out.
func DecodeRelations(ref, text string) []catalog.Relation {
	if text == "" {
		return nil
	}
	relations := make([]catalog.Relation, 0, strings.Count(text, "\n")+1)
	for line := range strings.SplitSeq(text, "\n") {
		if line == "" {
			continue
		}
		first, rest, ok := strings.Cut(line[1:], "\t")
		if !ok {
			continue
		}
		switch line[0] {
		case '>':
			relations = append(relations, catalog.Relation{Source: ref, Type: readPart(first), Target: readPart(rest)})
		case '<':
			relations = append(relations, catalog.Relation{Source: readPart(rest), Type: readPart(first), Target: ref})
		case '=':
			if kind, target, ok := strings.Cut(rest, "\t"); ok {
				relations = append(relations, catalog.Relation{Source: readPart(first), Type: readPart(kind), Target: readPart(target)})
			}
		}
	}
	return relations
}

func plain(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] == '\\' || s[i] >= 0x80 {
			return false
		}
	}
	return true
}

func writePart(b *strings.Builder, s string) {
	if plain(s) {
		b.WriteString(s)
		return
	}
	for _, r := range strings.ToValidUTF8(s, "\uFFFD") {
		switch {
		case r == '\\':
			b.WriteString(`\\`)
		case r < 0x20: // as ` to DEL, of which none is a backslash
			b.WriteByte('\\')
			b.WriteByte(byte('`' + r))
		default:
			b.WriteRune(r)
		}
	}
}

func readPart(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			if i++; s[i] != '\\' {
				b = append(b, s[i]-'`')
				continue
			}
		}
		b = append(b, s[i])
	}
	return string(b)
}
