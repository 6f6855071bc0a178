// Command sbom writes a software bill of materials (SPDX 2.3, JSON) for a Go
// binary, from the build information that the toolchain puts into it.
//
//	sbom -version 1.2.3 -created 1790000000 stagedoor > stagedoor.spdx.json
package main

import (
	"debug/buildinfo"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

type spdx struct {
	Version       string         `json:"spdxVersion"`
	DataLicense   string         `json:"dataLicense"`
	ID            string         `json:"SPDXID"`
	Name          string         `json:"name"`
	Namespace     string         `json:"documentNamespace"`
	Creation      creation       `json:"creationInfo"`
	Packages      []spdxPackage  `json:"packages"`
	Relationships []relationship `json:"relationships"`
}

type creation struct {
	Created  string   `json:"created"`
	Creators []string `json:"creators"`
}

type spdxPackage struct {
	ID       string        `json:"SPDXID"`
	Name     string        `json:"name"`
	Version  string        `json:"versionInfo"`
	Download string        `json:"downloadLocation"`
	Analyzed bool          `json:"filesAnalyzed"`
	License  string        `json:"licenseConcluded"`
	Declared string        `json:"licenseDeclared"`
	Refs     []externalRef `json:"externalRefs,omitempty"`
}

type externalRef struct {
	Category string `json:"referenceCategory"`
	Type     string `json:"referenceType"`
	Locator  string `json:"referenceLocator"`
}

type relationship struct {
	From string `json:"spdxElementId"`
	Type string `json:"relationshipType"`
	To   string `json:"relatedSpdxElement"`
}

func main() {
	version := flag.String("version", "dev", "version of the product")
	created := flag.Int64("created", 0, "time of creation, seconds since 1970")
	flag.Parse()
	if err := write(os.Stdout, flag.Arg(0), *version, time.Unix(*created, 0)); err != nil {
		fmt.Fprintln(os.Stderr, "sbom:", err)
		os.Exit(1)
	}
}

func write(w io.Writer, binary, version string, created time.Time) error {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return fmt.Errorf("read build information of %s: %w", binary, err)
	}
	doc := spdx{
		Version: "SPDX-2.3", DataLicense: "CC0-1.0", ID: "SPDXRef-DOCUMENT", Name: "stagedoor-" + version,
		Namespace: "https://github.com/stagedoor/stagedoor/spdx/" + version + "/" + strings.ReplaceAll(info.GoVersion, " ", "-"),
		Creation:  creation{created.UTC().Format(time.RFC3339), []string{"Tool: stagedoor-sbom"}},
	}
	doc.add(info.Main.Path, version, "Apache-2.0")
	doc.Relationships = append(doc.Relationships, relationship{doc.ID, "DESCRIBES", doc.Packages[0].ID})
	doc.add("stdlib", strings.TrimPrefix(info.GoVersion, "go"), "BSD-3-Clause")
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		doc.add(m.Path, m.Version, "NOASSERTION")
	}
	for _, p := range doc.Packages[1:] {
		doc.Relationships = append(doc.Relationships, relationship{doc.Packages[0].ID, "DEPENDS_ON", p.ID})
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", " ")
	return enc.Encode(doc)
}

// add appends a Go module.
func (d *spdx) add(path, version, license string) {
	d.Packages = append(d.Packages, spdxPackage{
		ID:   fmt.Sprintf("SPDXRef-Package-%d", len(d.Packages)),
		Name: path, Version: version, Download: "NOASSERTION", License: license, Declared: license,
		Refs: []externalRef{{"PACKAGE-MANAGER", "purl", "pkg:golang/" + path + "@" + version}},
	})
}
