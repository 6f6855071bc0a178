// Command stagedoor is the developer portal.
//
// This file is the list of what ships. To make your own build with further
// plugins, copy it, add them to the list, and run go build.
package main

import (
	"os"

	"github.com/stagedoor/stagedoor/portal"
)

// version is set by the linker.
var version = "dev"

func main() { os.Exit(portal.Main(version)) }
