package model_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/catalog/internal/model"
)

// TestDocs_TheWorkedExampleWorks runs the example of the documentation.
func TestDocs_TheWorkedExampleWorks(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join("..", "..", "..", "docs", "catalog-kinds.md"))
	if err != nil {
		t.Fatal(err)
	}
	block := func(title string) string {
		_, rest, ok := strings.Cut(string(page), `title="`+title+"\"\n")
		if !ok {
			t.Fatalf("the page has no block with the title %s", title)
		}
		text, _, _ := strings.Cut(rest, "\n```")
		return text
	}
	def, err := model.ParseKind([]byte(block("kinds/cluster.yaml")))
	if err != nil {
		t.Fatal(err)
	}
	m := newModel(t, model.Options{Kinds: []model.KindDefinition{def}})
	e := entityOf(t, block("catalog-info.yaml"))
	if got := judge(m, e); got != "ok" {
		t.Fatalf("the entity of the page is not right: %s", got)
	}
	var got []string
	for _, r := range m.Relations(e) {
		if r.Source == e.Ref().String() {
			got = append(got, r.Source+" "+r.Type+" "+r.Target)
		}
	}
	if diff := cmp.Diff(strings.Split(block("relations"), "\n"), got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
