package index

import (
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/catalog"
)

// golden is one recorded answer of the original.
type golden struct {
	Request  struct{ Method, Path string }
	Response struct {
		Status int
		Body   json.RawMessage
	}
}

func goldenDir(t *testing.T) string {
	t.Helper()
	shared := os.Getenv("STAGEDOOR_SHARED")
	if shared == "" {
		dir, err := os.Getwd()
		if err != nil {
			t.Fatal(err)
		}
		for dir != filepath.Dir(dir) {
			if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
				break
			}
			dir = filepath.Dir(dir)
		}
		shared = filepath.Join(dir, "..", "shared")
	}
	dir := filepath.Join(shared, "oracle", "backstage", "golden", "sqlite", "catalog")
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("SKIP: %s not found", dir)
	}
	return dir
}

func readGolden(t *testing.T, file string) golden {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(b, &g); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return g
}

// goldenRecords takes the entities out of an answer that holds all of them.
func goldenRecords(t *testing.T, dir string) ([]Record, map[string]string) {
	t.Helper()
	var page struct{ Items []json.RawMessage }
	if err := json.Unmarshal(readGolden(t, filepath.Join(dir, "post-by-query-empty.json")).Response.Body, &page); err != nil {
		t.Fatal(err)
	}
	var recs []Record
	whole := map[string]string{}
	for _, item := range page.Items {
		var e catalog.Entity
		if err := json.Unmarshal(item, &e); err != nil {
			t.Fatal(err)
		}
		r := Record{Ref: e.Ref().String(), UID: e.UID()}
		var status struct {
			Items []catalog.StatusItem
		}
		eachMember(item, func(name, value []byte, _, _ int) bool {
			if string(name) == "status" {
				if err := json.Unmarshal(value, &status); err != nil {
					t.Fatal(err)
				}
			}
			return true
		})
		r.Status = status.Items
		relations, _ := e["relations"].([]any)
		for _, x := range relations {
			x := x.(map[string]any)
			r.Relations = append(r.Relations, catalog.Relation{Source: r.Ref, Type: x["type"].(string), Target: x["targetRef"].(string)})
		}
		// The uid and the etag of the recording stay as they are, so that whole
		// entities can be compared; the etag then counts as the author's.
		r.JSON = item
		recs = append(recs, r)
		whole[r.Ref] = compact(t, item)
	}
	return recs, whole
}

func compact(t *testing.T, b []byte) string {
	t.Helper()
	var v any
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatalf("%s: %v", b, err)
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// goldenFilter reads filter parameters as the REST API does.
func goldenFilter(params []string) catalog.Filter {
	var or catalog.Or
	for _, param := range params {
		var and catalog.And
		matches := map[string]int{}
		for part := range strings.SplitSeq(param, ",") {
			key, value, isMatch := strings.Cut(part, "=")
			key, value = strings.TrimSpace(key), strings.TrimSpace(value)
			at, again := matches[key]
			switch {
			case key == "":
			case !isMatch:
				and = append(and, catalog.Exists{Key: key})
			case again:
				m := and[at].(catalog.Match)
				m.Values = append(m.Values, value)
				and[at] = m
			default:
				matches[key] = len(and)
				and = append(and, catalog.Match{Key: key, Values: []string{value}})
			}
		}
		or = append(or, and)
	}
	if or == nil {
		return nil
	}
	return or
}

// TestRecordedAnswers puts the questions of the recordings to a strict index
// that holds the recorded entities.
func TestRecordedAnswers(t *testing.T) {
	t.Parallel()
	dir := goldenDir(t)
	recs, whole := goldenRecords(t, dir)
	s := loaded(t, true, recs...).Snapshot()
	for ref, want := range whole {
		id, _ := s.Lookup(ref)
		if diff := cmp.Diff(want, compact(t, s.AppendJSON(nil, id))); diff != "" {
			t.Error(diff)
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, file := range files {
		g := readGolden(t, file)
		u, err := url.Parse(g.Request.Path)
		if err != nil || g.Response.Status != 200 || g.Request.Method != "GET" {
			continue
		}
		q := u.Query()
		path := strings.TrimPrefix(u.Path, "/api/catalog")
		known := path == "/entities" || path == "/entities/by-query" || path == "/entity-facets"
		if !known || q.Has("cursor") || q.Has("after") {
			continue
		}
		n++
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			t.Parallel()
			if path == "/entity-facets" {
				b, err := json.Marshal(map[string]any{"facets": s.Facets(q["facet"], s.Eval(goldenFilter(q["filter"])))})
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(compact(t, g.Response.Body), compact(t, b)); diff != "" {
					t.Error(diff)
				}
				return
			}
			compareGoldenPage(t, s, q, g.Response.Body)
		})
	}
	if n < 50 {
		t.Errorf("only %d recordings were compared", n)
	}
}

func compareGoldenPage(t *testing.T, s *Snapshot, q url.Values, body json.RawMessage) {
	t.Helper()
	pq := PageQuery{Filter: goldenFilter(q["filter"]), Limit: -1}
	for _, o := range q["order"] {
		dir, field, _ := strings.Cut(o, ":")
		pq.Order = append(pq.Order, catalog.Order{Field: field, Desc: dir == "desc"})
	}
	for _, o := range q["orderField"] {
		field, dir, _ := strings.Cut(o, ",")
		pq.Order = append(pq.Order, catalog.Order{Field: field, Desc: dir == "desc"})
	}
	pq.Text.Term = q.Get("fullTextFilterTerm")
	if fields := q.Get("fullTextFilterFields"); fields != "" {
		pq.Text.Fields = strings.Split(fields, ",")
	}
	if n, err := strconv.Atoi(q.Get("limit")); err == nil {
		pq.Limit = n
	}
	pq.Offset, _ = strconv.Atoi(q.Get("offset"))
	page := s.Page(pq)
	var fields []string
	for _, f := range q["fields"] {
		fields = append(fields, strings.Split(f, ",")...)
	}
	items := []json.RawMessage{}
	for _, id := range page.IDs {
		if fields != nil {
			items = append(items, s.Project(nil, id, fields))
		} else {
			items = append(items, s.AppendJSON(nil, id))
		}
	}
	var want struct {
		Items      []json.RawMessage
		TotalItems int
		PageInfo   struct{ NextCursor string }
	}
	isPage := body[0] == '{'
	var err error
	if isPage {
		err = json.Unmarshal(body, &want)
	} else {
		err = json.Unmarshal(body, &want.Items)
	}
	if err != nil {
		t.Fatal(err)
	}
	got, wanted := texts(t, items), texts(t, want.Items)
	if len(pq.Order) == 0 && !isPage {
		// The order is undefined here, and so is what a limit keeps of it.
		slices.Sort(got)
		slices.Sort(wanted)
		if pq.Limit >= 0 {
			got, wanted = got[:0], wanted[:0]
		}
	}
	if diff := cmp.Diff(wanted, got); diff != "" {
		t.Error(diff)
	}
	if isPage && q.Get("totalItems") != "exclude" && want.TotalItems != page.Total {
		t.Errorf("total is %d, want %d", page.Total, want.TotalItems)
	}
	if isPage && pq.Limit != 0 && page.HasAfter != (want.PageInfo.NextCursor != "") {
		t.Errorf("has after is %v", page.HasAfter)
	}
}

func texts(t *testing.T, items []json.RawMessage) []string {
	t.Helper()
	out := []string{}
	for _, item := range items {
		out = append(out, compact(t, item))
	}
	return out
}
