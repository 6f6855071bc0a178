package db_test

import (
	"os/exec"
	"strings"
	"testing"
)

// modernc.org/libc keeps no promises between versions: SQLite is only known
// to work with the one in its own go.mod.
func TestModules_LibcIsTheVersionThatSQLiteWasTestedWith(t *testing.T) {
	t.Parallel()
	list := func(args ...string) string {
		out, err := exec.Command("go", append([]string{"list", "-m"}, args...)...).Output()
		if err != nil {
			t.Skipf("SKIP: go list does not answer: %v", err)
		}
		return strings.TrimSpace(string(out))
	}
	ours := list("-f", "{{.Version}}", "modernc.org/libc")
	gomod := list("-f", "{{.GoMod}}", "modernc.org/sqlite")
	out, err := exec.Command("go", "mod", "edit", "-print", gomod).Output()
	if err != nil {
		t.Fatalf("read %s: %v", gomod, err)
	}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(strings.TrimPrefix(strings.TrimSpace(line), "require "))
		if len(fields) >= 2 && fields[0] == "modernc.org/libc" {
			if fields[1] != ours {
				t.Errorf("modernc.org/libc is %s, modernc.org/sqlite wants %s: pin that one", ours, fields[1])
			}
			return
		}
	}
	t.Error("modernc.org/sqlite does not name modernc.org/libc any more: remove this test")
}
