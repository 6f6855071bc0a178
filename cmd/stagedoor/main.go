// Command stagedoor is the developer portal.
//
// This file is the list of what ships. To make your own build with further
// plugins, copy it, add them to the list, and run go build.
package main

import (
	"os"

	"github.com/stagedoor/stagedoor/integration/bitbucket"
	"github.com/stagedoor/stagedoor/integration/github"
	"github.com/stagedoor/stagedoor/integration/gitlab"
	"github.com/stagedoor/stagedoor/plugin"
	"github.com/stagedoor/stagedoor/portal"
)

// version is set by the linker.
var version = "dev"

func main() { os.Exit(portal.Main(version, shipped()...)) }

// shipped is the list.
func shipped() []plugin.Plugin {
	return []plugin.Plugin{
		github.Plugin{},
		gitlab.Plugin{},
		bitbucket.Plugin{},
	}
}
