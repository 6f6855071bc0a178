package store

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/stagedoor/stagedoor/audit/internal/chain"
	"github.com/stagedoor/stagedoor/internal/db"
)

// The bounds of what is searched for in the text of an event.
const (
	maxWords = 200
	maxWord  = 64 // bytes
)

// indexWords makes the entries findable by their words.
func indexWords(ctx context.Context, tx *db.Tx, entries []chain.Entry) error {
	column, value := "rowid", "$2"
	if tx.Dialect() == db.Postgres {
		column, value = "seq", "to_tsvector('simple', $2)"
	}
	insert := `INSERT INTO audit_word (` + column + `, words) VALUES ($1, ` + value + `)`
	for i := range entries {
		if _, err := tx.ExecContext(ctx, insert, entries[i].Seq, strings.Join(wordsOf(&entries[i]), " ")); err != nil {
			return fmt.Errorf("index the words of an audit event: %w", err)
		}
	}
	return nil
}

// forgetWords makes the entries up to and with seq unfindable.
func forgetWords(ctx context.Context, tx *db.Tx, after, upTo int64) error {
	column := "rowid"
	if tx.Dialect() == db.Postgres {
		column = "seq"
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM audit_word WHERE `+column+` > $1 AND `+column+` <= $2`, after, upTo); err != nil {
		return fmt.Errorf("remove the words of audit events: %w", err)
	}
	return nil
}

// wordsOf lists the different words of an entry, in lower case. Its id is not
// among them: nobody searches for half of one, and it is most of the words that
// stand in one event only.
func wordsOf(e *chain.Entry) []string {
	v := &e.Event
	var list []string
	seen := map[string]bool{}
	add := func(text string) {
		for _, w := range split(text) {
			if len(list) < maxWords && !seen[w] {
				seen[w] = true
				list = append(list, w)
			}
		}
	}
	for _, text := range []string{
		v.Plugin, v.Name, string(v.Severity), string(v.Status), v.Actor.Subject, v.Actor.Via, v.Actor.IP, v.Target, v.Reason,
		v.Request.ID, v.Request.Method, v.Request.Path,
	} {
		add(text)
	}
	var meta any
	if json.Unmarshal([]byte(e.Meta), &meta) == nil {
		walk(meta, add)
	}
	return list
}

func walk(v any, add func(string)) {
	switch v := v.(type) {
	case map[string]any:
		for key, item := range v {
			add(key)
			walk(item, add)
		}
	case []any:
		for _, item := range v {
			walk(item, add)
		}
	case string:
		add(v)
	case nil, bool:
	default:
		add(fmt.Sprint(v))
	}
}

// split cuts text into words: runs of letters and digits, in lower case. Both
// engines get words that are cut already, so that they find the same.
func split(text string) []string {
	const last = 0xFFFF // SQLite does not know all letters beyond
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return r > last || !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	for i, w := range words {
		if len(w) > maxWord {
			words[i] = strings.ToValidUTF8(w[:maxWord], "")
		}
	}
	return words
}

// term is a word that is searched for.
type term struct {
	word string
	star bool // it is the beginning of one
}

// termsOf reads a text: words, with a star behind those that are beginnings.
func termsOf(text string) (terms []term) {
	for part := range strings.FieldsSeq(text) {
		words := split(part)
		for i, w := range words {
			terms = append(terms, term{w, i == len(words)-1 && strings.HasSuffix(part, "*")})
		}
	}
	return terms
}

// match renders the terms as a query of the engine for all of them.
func match(dialect db.Dialect, terms []term) string {
	texts := make([]string, len(terms))
	for i, t := range terms {
		switch {
		case dialect == db.Postgres && t.star:
			texts[i] = t.word + ":*"
		case dialect == db.Postgres:
			texts[i] = t.word
		case t.star:
			texts[i] = `"` + t.word + `"*`
		default:
			texts[i] = `"` + t.word + `"`
		}
	}
	if dialect == db.Postgres {
		return strings.Join(texts, " & ")
	}
	return strings.Join(texts, " ")
}

// holds reports whether the entry has all of the terms, as the engines do.
func holds(e *chain.Entry, terms []term) bool {
	words := wordsOf(e)
	for _, t := range terms {
		if !slices.ContainsFunc(words, func(w string) bool { return w == t.word || t.star && strings.HasPrefix(w, t.word) }) {
			return false
		}
	}
	return true
}
