package github_test

import (
	"encoding/json"
	"testing"
)

// merge sets a key of a JSON object.
func merge(t *testing.T, text, key string, value any) string {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatal(err)
	}
	m[key] = value
	out, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
