package config

import (
	_ "embed" // for known.txt
	"strings"
	"sync"
)

//go:embed known.txt
var knownText string

// keyNode is one step in the tree of known keys.
type keyNode struct {
	fields map[string]*keyNode
	any    *keyNode // for *
	items  *keyNode // for []
	types  []string

	frontend, frontendDeep, secret bool
}

// builtinKeys reads known.txt once; the tree is never changed afterwards.
var builtinKeys = sync.OnceValue(func() *keyNode {
	root := &keyNode{}
	for line := range strings.Lines(knownText) {
		fields := strings.Fields(line)
		if len(fields) < 2 || strings.HasPrefix(line, "#") {
			continue
		}
		node := root.at(fields[0])
		node.types = strings.Split(fields[1], "|")
		for _, mark := range fields[2:] {
			node.frontend = node.frontend || mark == "@frontend" || mark == "@frontend-deep"
			node.frontendDeep = node.frontendDeep || mark == "@frontend-deep"
			node.secret = node.secret || mark == "@secret"
		}
	}
	return root
})

// at returns the node of a pattern and makes it if needed.
func (n *keyNode) at(pattern string) *keyNode {
	for step := range strings.SplitSeq(pattern, ".") {
		name, lists := step, 0
		for strings.HasSuffix(name, "[]") {
			name, lists = strings.TrimSuffix(name, "[]"), lists+1
		}
		n = n.field(name)
		for range lists {
			n = n.item()
		}
	}
	return n
}

func (n *keyNode) field(name string) *keyNode {
	if name == "*" {
		if n.any == nil {
			n.any = &keyNode{}
		}
		return n.any
	}
	if n.fields == nil {
		n.fields = map[string]*keyNode{}
	}
	if n.fields[name] == nil {
		n.fields[name] = &keyNode{}
	}
	return n.fields[name]
}

func (n *keyNode) item() *keyNode {
	if n.items == nil {
		n.items = &keyNode{}
	}
	return n.items
}

// keySet are the nodes that describe one place; several schemas may.
type keySet []*keyNode

func (s keySet) child(key string) keySet {
	var out keySet
	for _, n := range s {
		if field := n.fields[key]; field != nil {
			out = append(out, field)
		} else if n.any != nil {
			out = append(out, n.any)
		}
	}
	return out
}

func (s keySet) item() keySet {
	var out keySet
	for _, n := range s {
		if n.items != nil {
			out = append(out, n.items)
		}
	}
	return out
}

func (s keySet) has(test func(*keyNode) bool) bool {
	for _, n := range s {
		if test(n) {
			return true
		}
	}
	return false
}

func isFrontend(n *keyNode) bool     { return n.frontend }
func isFrontendDeep(n *keyNode) bool { return n.frontendDeep }
func isSecret(n *keyNode) bool       { return n.secret }
