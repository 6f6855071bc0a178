package statement

import (
	_ "embed"
	"sync"

	"github.com/stagedoor/stagedoor/internal/yamlx"
	"github.com/stagedoor/stagedoor/permission"
)

//go:embed rules.yaml
var shippedText []byte

// ShippedRule is a rule that comes with the portal.
type ShippedRule struct {
	ResourceType string
	Rule         permission.Rule
}

// Shipped returns the rules that come with the portal, written in the language
// that policies may use themselves.
var Shipped = sync.OnceValue(func() []ShippedRule {
	doc, err := yamlx.One(shippedText, yamlx.Options{File: "rules.yaml"})
	if err != nil {
		panic(err) // the file is part of the program, and tested with it
	}
	r := &reader{}
	r.readRules(doc.Tree().Fields["rules"])
	if err := r.err(); err != nil {
		panic(err)
	}
	out := make([]ShippedRule, len(r.rules))
	for i, x := range r.rules {
		out[i] = ShippedRule{x.ResourceType, x.Rule}
	}
	return out
})
