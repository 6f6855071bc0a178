package config_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/internal/config"
)

func TestSecrets_AreTheTextsThatPrintingHides(t *testing.T) {
	t.Parallel()
	c := config.New(map[string]any{
		"app":          map[string]any{"title": "Shown"},
		"integrations": map[string]any{"github": []any{map[string]any{"host": "github.com", "token": "ghp-hidden"}}},
		"backend": map[string]any{"auth": map[string]any{"externalAccess": []any{
			map[string]any{"type": "static", "options": map[string]any{"token": "static-hidden", "subject": "ci"}},
		}}},
		"proxy": map[string]any{"target": "https://user:inside-url@example.com/x"},
	}, "app-config.yaml")
	got := c.Secrets()
	slices.Sort(got)
	if diff := cmp.Diff([]string{"ghp-hidden", "inside-url", "static-hidden"}, got); diff != "" {
		t.Errorf("secrets (-want +got):\n%s", diff)
	}
}
