package ingest_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// generate writes a catalog of n entities in files of perFile and returns the
// file that lists them all: systems with owners, components that depend on
// each other and provide and consume APIs.
func generate(tb testing.TB, dir string, n, perFile int) string {
	tb.Helper()
	var all strings.Builder
	all.WriteString("apiVersion: backstage.io/v1alpha1\nkind: Location\nmetadata: {name: all}\nspec:\n  targets:\n")
	for start, file := 0, 0; start < n; start, file = start+perFile, file+1 {
		var b strings.Builder
		for i := start; i < min(n, start+perFile); i++ {
			b.WriteString(generated(i))
		}
		name := fmt.Sprintf("part%d/catalog-%05d.yaml", file%64, file)
		write(tb, filepath.Join(dir, name), b.String())
		fmt.Fprintf(&all, "    - ./%s\n", name)
	}
	path := filepath.Join(dir, "all.yaml")
	write(tb, path, all.String())
	return path
}

func generated(i int) string {
	team := fmt.Sprintf("team-%d", i%97)
	switch {
	case i%50 == 0:
		return fmt.Sprintf("apiVersion: backstage.io/v1alpha1\nkind: System\nmetadata:\n  name: system-%d\n  description: The system number %d of many, with a description of usual length.\nspec:\n  owner: %s\n  domain: domain-%d\n---\n", i/50, i, team, i%11)
	case i%5 == 1:
		return fmt.Sprintf("apiVersion: backstage.io/v1alpha1\nkind: API\nmetadata:\n  name: api-%d\n  title: API %d\n  tags: [rest, generated]\nspec:\n  type: openapi\n  lifecycle: production\n  owner: %s\n  system: system-%d\n  definition: |\n    openapi: 3.0.0\n    info: {title: Number %d, version: 1.0.0}\n    paths: {}\n---\n", i, i, team, i/50, i)
	}
	return fmt.Sprintf(`apiVersion: backstage.io/v1alpha1
kind: Component
metadata:
  name: component-%d
  title: Component number %d
  description: A generated component that does what generated components do, day in, day out.
  annotations:
    github.com/project-slug: example/component-%d
    backstage.io/techdocs-ref: dir:.
  tags: [go, tier-%d, generated]
  links:
    - {url: "https://dashboards.example.com/d/%d", title: Dashboard, icon: dashboard}
spec:
  type: service
  lifecycle: production
  owner: %s
  system: system-%d
  providesApis: [api-%d]
  dependsOn: ["component:component-%d", "resource:database-%d"]
---
`, i, i, i, i%4, i, team, i/50, i-i%5+1, i+1, i%300)
}
