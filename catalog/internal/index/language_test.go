package index

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/catalog"
)

// TestLanguage runs testdata/*.filter. A file starts with entities, one JSON
// object per line. Each case is a line "== sentence", then the query, dashes,
// and the expected names (or value=count of a facet). The query has at most
// one filter
//
//	key=value|value   key?   key^=prefix   type->target   !filter
//	all(filter, …)   any(filter, …)
//
// and lines "order field [desc]", "text term [in field …]", "facet key" and
// "strict". Without an order, names of a filter are compared sorted.
func TestLanguage(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.filter")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		head, rest, _ := strings.Cut(string(b), "\n== ")
		recs := languageRecords(t, head)
		for c := range strings.SplitSeq(rest, "\n== ") {
			name, body, _ := strings.Cut(c, "\n")
			t.Run(filepath.Base(file)+"/"+name, func(t *testing.T) {
				t.Parallel()
				query, want, ok := strings.Cut("\n"+body, "\n---")
				if !ok {
					t.Fatal("no dashes")
				}
				got := languageQuery(t, recs, strings.TrimSpace(query))
				if diff := cmp.Diff(strings.TrimSpace(want), got); diff != "" {
					t.Error(diff)
				}
			})
		}
	}
}

func languageRecords(t *testing.T, text string) []Record {
	t.Helper()
	var recs []Record
	for line := range strings.Lines(strings.ReplaceAll(text, "${long}", strings.Repeat("long ", 60))) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		var e catalog.Entity
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		r := Record{Ref: e.Ref().String(), UID: fmt.Sprint("uid-", len(recs)), JSON: []byte(line)}
		relations, _ := e["relations"].([]any)
		for _, x := range relations {
			x := x.(map[string]any)
			r.Relations = append(r.Relations, catalog.Relation{Source: r.Ref, Type: x["type"].(string), Target: x["targetRef"].(string)})
		}
		recs = append(recs, r)
	}
	return recs
}

func languageQuery(t *testing.T, recs []Record, text string) string {
	t.Helper()
	q := PageQuery{Limit: -1}
	facet, strict := "", false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		word, rest, _ := strings.Cut(line, " ")
		switch word {
		case "":
		case "strict":
			strict = true
		case "order":
			field, desc := strings.CutSuffix(rest, " desc")
			q.Order = append(q.Order, catalog.Order{Field: field, Desc: desc})
		case "text":
			term, fields, _ := strings.Cut(rest, " in ")
			q.Text = catalog.TextFilter{Term: term, Fields: strings.Fields(fields)}
		case "facet":
			facet = rest
		default:
			f, left := languageFilter(t, line)
			if left != "" {
				t.Fatalf("what is %q?", left)
			}
			q.Filter = f
		}
	}
	s := loaded(t, strict, recs...).Snapshot()
	var out []string
	if facet != "" {
		for _, f := range s.Facets([]string{facet}, s.Eval(q.Filter))[facet] {
			out = append(out, fmt.Sprintf("%s=%d", f.Value, f.Count))
		}
		return strings.Join(out, " ")
	}
	page := s.Page(q)
	if page.Total != len(page.IDs) {
		t.Errorf("total is %d of %d", page.Total, len(page.IDs))
	}
	for _, id := range page.IDs {
		var e catalog.Entity
		if err := json.Unmarshal(s.AppendJSON(nil, id), &e); err != nil {
			t.Fatal(err)
		}
		out = append(out, e.Name())
	}
	if q.Filter != nil && q.Order == nil {
		slices.Sort(out)
	}
	return strings.Join(out, " ")
}

func languageFilter(t *testing.T, text string) (f catalog.Filter, rest string) {
	t.Helper()
	text = strings.TrimSpace(text)
	if text, ok := strings.CutPrefix(text, "!"); ok {
		f, rest = languageFilter(t, text)
		return catalog.Not{Filter: f}, rest
	}
	for _, word := range []string{"all(", "any("} {
		rest, ok := strings.CutPrefix(text, word)
		if !ok {
			continue
		}
		var list []catalog.Filter
		for !strings.HasPrefix(rest, ")") {
			f, rest = languageFilter(t, rest)
			list = append(list, f)
			rest = strings.TrimSpace(strings.TrimPrefix(rest, ","))
		}
		if word == "all(" {
			return catalog.And(list), rest[1:]
		}
		return catalog.Or(list), rest[1:]
	}
	end := strings.IndexAny(text, ",)")
	if end < 0 {
		end = len(text)
	}
	text, rest = text[:end], text[end:]
	if typ, target, ok := strings.Cut(text, "->"); ok {
		r := catalog.RelatedTo{Type: typ}
		if target != "" {
			r.Targets = []string{target}
		}
		return r, rest
	}
	if key, prefix, ok := strings.Cut(text, "^="); ok {
		return catalog.HasPrefix{Key: key, Prefix: prefix}, rest
	}
	if key, values, ok := strings.Cut(text, "="); ok {
		return catalog.Match{Key: key, Values: strings.Split(values, "|")}, rest
	}
	if key, ok := strings.CutSuffix(text, "?"); ok {
		return catalog.Exists{Key: key}, rest
	}
	t.Fatalf("what is %q?", text)
	return nil, ""
}
