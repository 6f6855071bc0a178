// Package registry knows what can be permitted: the permissions of every
// plugin, the types of resources they are about, and the rules that conditions
// on these may use.
//
// What not: it decides nothing.
//
// Start reading at [Registry].
package registry

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/permission"
)

// Registry is filled while plugins are initialised and read afterwards. Safe
// for concurrent use.
type Registry struct {
	mu      sync.RWMutex
	plugins []Plugin
	added   map[string][]permission.Rule
}

// Plugin is what one plugin brought.
type Plugin struct {
	ID string
	permission.Definition
}

// Define adds the definition of a plugin. It returns an error with code
// invalid for what is there already.
func (g *Registry) Define(plugin string, d permission.Definition) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, p := range g.plugins {
		if p.ID == plugin {
			return fault.Newf(fault.Invalid, "the plugin %s defines its permissions twice", plugin)
		}
		for _, r := range d.Resources {
			if slices.ContainsFunc(p.Resources, func(o permission.Resource) bool { return o.Type == r.Type }) {
				return fault.Newf(fault.Invalid, "the plugins %s and %s define the resource type %s", p.ID, plugin, r.Type)
			}
		}
	}
	g.plugins = append(g.plugins, Plugin{plugin, d})
	return nil
}

// AddRule adds a rule that is made of others.
func (g *Registry) AddRule(resourceType string, r permission.Rule) error {
	if r.Expand == nil || r.Name == "" {
		return fault.Newf(fault.Invalid, "the rule %q for %s needs a name and an Expand function", r.Name, resourceType)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.added == nil {
		g.added = map[string][]permission.Rule{}
	}
	g.added[resourceType] = append(g.added[resourceType], r)
	return nil
}

// Plugins returns what every plugin brought, in the order of definition.
func (g *Registry) Plugins() []Plugin {
	g.mu.RLock()
	defer g.mu.RUnlock()
	return slices.Clone(g.plugins)
}

// Permission finds a permission by its name, and the plugin it belongs to,
// which may be one that is not here.
func (g *Registry) Permission(name string) (p permission.Permission, plugin string, ok bool) {
	g.mu.RLock()
	defer g.mu.RUnlock()
	for _, plugins := range [2][]Plugin{g.plugins, elsewhere} {
		for _, pl := range plugins {
			for _, p := range pl.Permissions {
				if p.Name == name {
					return p, pl.ID, true
				}
			}
		}
	}
	return permission.Permission{}, "", false
}

// Resource finds a resource type, its rules completed by those that were
// added, and the plugin it belongs to. A type of a plugin that is not here has
// no Apply.
func (g *Registry) Resource(resourceType string) (r permission.Resource, plugin string, ok bool) {
	g.mu.RLock()
	defer g.mu.RUnlock()
	for _, plugins := range [2][]Plugin{g.plugins, elsewhere} {
		for _, pl := range plugins {
			for _, r := range pl.Resources {
				if r.Type == resourceType {
					r.Rules = append(slices.Clone(r.Rules), g.added[resourceType]...)
					return r, pl.ID, true
				}
			}
		}
	}
	return permission.Resource{}, "", false
}

// Apply applies a condition to things of a type. It returns an error with code
// invalid when the type is not known or the condition does not fit it.
func (g *Registry) Apply(ctx context.Context, resourceType string, refs []string, c permission.Condition) ([]bool, error) {
	r, _, ok := g.Resource(resourceType)
	if !ok || r.Apply == nil {
		return nil, fault.Newf(fault.Invalid, "Unexpected resource types: %s.", resourceType)
	}
	c, err := Expand(r, c)
	if err != nil {
		return nil, err
	}
	return r.Apply(ctx, refs, c)
}

// Expand replaces the rules that are made of others. What a rule expands to is
// not expanded again, so that rules cannot go in circles.
func Expand(r permission.Resource, c permission.Condition) (permission.Condition, error) {
	return c.Replace(func(c permission.Condition) (permission.Condition, error) {
		i := slices.IndexFunc(r.Rules, func(rule permission.Rule) bool { return strings.EqualFold(rule.Name, c.Rule) })
		if i < 0 || r.Rules[i].Expand == nil {
			return c, nil
		}
		expanded, err := r.Rules[i].Expand(c.Params)
		if err != nil {
			return c, fmt.Errorf("rule %s: %w", c.Rule, err)
		}
		return expanded, nil
	})
}
