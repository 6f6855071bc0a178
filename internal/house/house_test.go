// Package house holds the test of the direction of imports, which keeps the
// rooms of the house apart.
package house

import (
	"encoding/json"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/stagedoor/stagedoor/"

// pkg is what the rules look at, from `go list`.
type pkg struct {
	ImportPath string
	Imports    []string
	Dir        string
	Doc        string
	GoFiles    []string
}

func list(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-e", "-json=ImportPath,Imports,Dir,Doc,GoFiles", "./...")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var pkgs []pkg
	for dec := json.NewDecoder(strings.NewReader(string(out))); dec.More(); {
		var p pkg
		if err := dec.Decode(&p); err != nil {
			t.Fatal(err)
		}
		if p.ImportPath+"/" != module {
			p.ImportPath = strings.TrimPrefix(p.ImportPath, module)
			pkgs = append(pkgs, p)
		}
	}
	return pkgs
}

// contracts are leaves; the others may import what stands behind them.
var contracts = map[string][]string{
	"catalog":      nil,
	"permission":   {"identity"},
	"identity":     nil,
	"audit":        nil,
	"webhook":      nil,
	"signal":       nil,
	"usersetting":  nil,
	"notification": nil,
	"plugin":       {"catalog", "permission", "identity", "audit"},
}

func TestImports_PointOneWay(t *testing.T) {
	t.Parallel()
	for _, p := range list(t) {
		for _, imp := range p.Imports {
			ours, isOurs := strings.CutPrefix(imp, module)
			external := !isOurs && strings.Contains(strings.Split(imp, "/")[0], ".")
			if why := forbidden(p.ImportPath, ours, imp, isOurs, external); why != "" {
				t.Errorf("%s imports %s: %s", p.ImportPath, imp, why)
			}
		}
	}
}

func forbidden(from, ours, imp string, isOurs, external bool) string {
	room, _, _ := strings.Cut(from, "/")
	if allowed, ok := contracts[from]; ok {
		switch {
		case external:
			return "a contract compiles with the standard library alone"
		case isOurs && !slices.Contains(allowed, ours):
			return "a contract is a leaf"
		}
		return ""
	}
	if !isOurs {
		return ""
	}
	toRoom, _, _ := strings.Cut(ours, "/")
	base := path.Base(ours)
	isTest := base != "test" && strings.HasSuffix(base, "test")
	isPlugin := base != "plugin" && strings.HasSuffix(base, "plugin")
	switch {
	case isTest && !strings.HasSuffix(path.Base(from), "test"):
		return "test packages are for tests"
	case isPlugin && room != "portal" && room != "cmd":
		return "only portal and cmd know a capability's plugin"
	case room == "internal" && toRoom != "internal":
		return "the ground floor knows no word of the portal"
	case room == "integration" && toRoom == "internal":
		return "what third parties cannot do, integrations do not do either"
	case toRoom == "integration" && room != "integration" && room != "cmd" && room != "portal":
		return "capabilities do not know outside systems"
	case toRoom == "portal" && room != "cmd":
		return "nobody but main knows the portal"
	}
	return ""
}

func TestPackages_SayWhatTheyAre(t *testing.T) {
	t.Parallel()
	for _, p := range list(t) {
		if len(p.GoFiles) > 0 && p.Doc == "" {
			t.Errorf("%s has no package comment", p.ImportPath)
		}
		switch path.Base(p.ImportPath) {
		case "util", "utils", "common", "helper", "helpers", "manager", "misc", "shared":
			t.Errorf("%s: the name says nothing about what the package is for", p.ImportPath)
		}
	}
}
