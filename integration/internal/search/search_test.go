package search_test

import (
	"context"
	"errors"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/integration/internal/fail"
	"github.com/stagedoor/stagedoor/integration/internal/search"
)

func query(commit, etag string) search.Query {
	return search.Query{Repo: "o/r", Commit: commit, Pattern: "*/c.yaml", ETag: etag, URL: func(p string) string { return "u:" + p }}
}

func TestFiles_TellsWhatChanged(t *testing.T) {
	t.Parallel()
	entries := []search.Entry{{Path: "a/c.yaml", ID: "1"}, {Path: "b/c.yaml", ID: "2"}, {Path: "b/d.yaml", ID: "3"}}
	read := func(_ context.Context, e search.Entry) ([]byte, error) { return []byte(e.ID), nil }
	got, err := search.Files(t.Context(), query("c1", ""), entries, read)
	if err != nil || len(got) != 2 || got[1].URL != "u:b/c.yaml" || string(got[1].Data) != "2" || got[0].ETag != got[1].ETag {
		t.Fatalf("got %+v, %v", got, err)
	}
	if err := query("c1", got[0].ETag).Unchanged(); fail.Code(err) != fail.NotModified {
		t.Errorf("the same commit: %v", err)
	}
	if err := query("c2", got[0].ETag).Unchanged(); err != nil {
		t.Errorf("another commit: %v", err)
	}
	if _, err := search.Files(t.Context(), query("c2", got[0].ETag), entries, read); fail.Code(err) != fail.NotModified {
		t.Errorf("the same contents: %v", err)
	}
	entries[0].ID = "4"
	if again, err := search.Files(t.Context(), query("c2", got[0].ETag), entries, read); err != nil || again[0].ETag == got[0].ETag {
		t.Errorf("another content: %v", err)
	}
	entries[0].Size = search.MaxFileBytes + 1
	if _, err := search.Files(t.Context(), query("c3", ""), entries, read); fail.Code(err) != fail.TooLarge {
		t.Errorf("a large file: %v", err)
	}
	broken := func(context.Context, search.Entry) ([]byte, error) { return nil, errors.New("no") }
	if _, err := search.Files(t.Context(), query("c3", ""), entries[1:], broken); err == nil {
		t.Error("half a result was taken for a whole one")
	}
	if _, err := search.Files(t.Context(), query("c3", ""), make([]search.Entry, 6000), read); err != nil {
		t.Errorf("files that do not match count: %v", err)
	}
}

func TestTree_FindsFilesInAnArchive(t *testing.T) {
	t.Parallel()
	got, err := search.Tree(query("c1", ""), fstest.MapFS{"a/c.yaml": {Data: []byte("x")}, "c.yaml": {}, "a/b/c.yaml": {}})
	if err != nil || len(got) != 1 || cmp.Diff("u:a/c.yaml", got[0].URL) != "" || got[0].Revision != "c1" {
		t.Errorf("got %+v, %v", got, err)
	}
}
