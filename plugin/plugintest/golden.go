package plugintest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// Recorded is one answer of a real Backstage.
type Recorded struct {
	Request struct {
		Method, Path, Auth string
		Body               json.RawMessage
	}
	Response struct {
		Status int
		Body   any
	}
}

// Golden reads a recorded answer by its name, such as notifications/status. It
// reports false where that one was not kept, and skips the test where there
// are none.
func Golden(tb testing.TB, name string) (Recorded, bool) {
	tb.Helper()
	dir := os.Getenv("STAGEDOOR_SHARED")
	if dir == "" {
		root, err := os.Getwd()
		if err != nil {
			tb.Fatal(err)
		}
		for {
			if _, err := os.Stat(filepath.Join(root, "go.mod")); err == nil || root == filepath.Dir(root) {
				break
			}
			root = filepath.Dir(root)
		}
		dir = filepath.Join(root, "..", "shared")
	}
	dir = filepath.Join(dir, "oracle", "backstage", "golden", "sqlite")
	if _, err := os.Stat(dir); err != nil {
		tb.Skipf("SKIP: %s not found, recorded answers are not compared", dir)
	}
	var rec Recorded
	raw, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)+".json"))
	if os.IsNotExist(err) {
		return rec, false
	}
	if err != nil {
		tb.Fatal(err)
	}
	if err := json.Unmarshal(raw, &rec); err != nil {
		tb.Fatalf("read %s: %v", name, err)
	}
	return rec, true
}
