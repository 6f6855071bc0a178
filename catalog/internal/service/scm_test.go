package service_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/catalog/internal/service"
)

const push = `{"ref":"refs/heads/main","after":"c0ffee","repository":{"html_url":"https://github.com/acme/shop","default_branch":"main"},
	"commits":[{"added":["b.yaml"],"modified":["catalog-info.yaml"],"removed":[]},{"added":[],"modified":["catalog-info.yaml"],"removed":["old.yaml"]}]}`

func TestParseGitHubPush_ListsEveryFileOnce(t *testing.T) {
	t.Parallel()
	for name, payload := range map[string]any{
		"bytes": []byte(push), "text": push,
		"decoded": map[string]any{
			"ref": "refs/heads/main", "after": "c0ffee",
			"repository": map[string]any{"html_url": "https://github.com/acme/shop", "default_branch": "main"},
			"commits":    []any{map[string]any{"added": []any{"b.yaml", "old.yaml"}, "modified": []any{"catalog-info.yaml"}}},
		},
	} {
		e, ok, err := service.ParseGitHubPush(payload)
		if err != nil || !ok {
			t.Fatalf("%s: %v %v", name, ok, err)
		}
		want := service.PushEvent{
			RepoURL: "https://github.com/acme/shop", Branch: "main", Default: true, Commit: "c0ffee",
			Files: []string{"b.yaml", "catalog-info.yaml", "old.yaml"},
		}
		if diff := cmp.Diff(want, e); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if urls := e.URLs(); len(urls) != 12 || urls[0] != "https://github.com/acme/shop/blob/main/b.yaml" {
			t.Errorf("%s: urls %v", name, urls)
		}
	}
}

func TestParseGitHubPush_LeavesOutTagsAndRefusesNonsense(t *testing.T) {
	t.Parallel()
	if _, ok, err := service.ParseGitHubPush(`{"ref":"refs/tags/v1"}`); ok || err != nil {
		t.Errorf("a tag: %v %v", ok, err)
	}
	for _, bad := range []any{"x", `{"ref":"refs/heads/main"}`, `{"ref":"refs/heads/main","repository":{"html_url":"javascript:alert(1)"}}`, func() {}} {
		if _, ok, err := service.ParseGitHubPush(bad); ok || err == nil {
			t.Errorf("%v: %v %v", bad, ok, err)
		}
	}
}
