package process

import (
	"encoding/json"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// Rule allows kinds of entities, everywhere or at some locations. It decodes
// from an item of catalog.rules.
type Rule struct {
	Allow     []AllowedKind   `json:"allow"`
	Locations []LocationMatch `json:"locations,omitempty"`
}

// AllowedKind is a kind, or the entities of a kind that have the spec.type. In
// configuration it is the kind's name or {kind, 'spec.type'}.
type AllowedKind struct {
	Kind string `json:"kind"`
	Type string `json:"spec.type,omitempty"`
}

// UnmarshalJSON reads both forms.
func (a *AllowedKind) UnmarshalJSON(data []byte) error {
	var kind string
	if err := json.Unmarshal(data, &kind); err == nil {
		*a = AllowedKind{Kind: kind}
		return nil
	}
	type object AllowedKind
	if err := json.Unmarshal(data, (*object)(a)); err != nil {
		return fault.Wrap(fault.Invalid, err, "allow must hold names of kinds or {kind, 'spec.type'}")
	}
	return nil
}

// LocationMatch is a condition on the location at the root of an entity: the
// type, and the whole target or a glob, compared without regard to case.
type LocationMatch struct {
	Type    string `json:"type"`
	Exact   string `json:"exact,omitempty"`
	Pattern string `json:"pattern,omitempty"`
}

// Rules decide which kinds may come from where. The zero value allows nothing;
// use [NewRules].
type Rules struct{ rules []Rule }

// NewRules makes rules of catalog.rules, nil meaning Backstage's default of
// Component, API and Location, and of the rules that single locations bring.
// It returns an error with code invalid for an incomplete rule or a broken
// pattern.
func NewRules(global []Rule, ofLocations map[catalog.Location][]Rule) (Rules, error) {
	out := Rules{}
	if global == nil {
		global = []Rule{{Allow: []AllowedKind{{Kind: "Component"}, {Kind: "API"}, {Kind: "Location"}}}}
	}
	out.rules = append(out.rules, global...)
	for at, rules := range ofLocations {
		for _, rule := range rules {
			out.rules = append(out.rules, Rule{Allow: rule.Allow, Locations: []LocationMatch{{Type: at.Type, Exact: at.Target}}})
		}
	}
	for _, rule := range out.rules {
		for _, a := range rule.Allow {
			if a.Kind == "" {
				return Rules{}, fault.New(fault.Invalid, "catalog.rules: an item of allow has no kind")
			}
		}
		for _, m := range rule.Locations {
			if m.Type == "" {
				return Rules{}, fault.New(fault.Invalid, "catalog.rules: an item of locations has no type")
			}
			if m.Exact != "" && m.Pattern != "" {
				return Rules{}, fault.Newf(fault.Invalid, "catalog.rules: an item of locations has both exact (%s) and pattern (%s)", m.Exact, m.Pattern)
			}
			if !doublestar.ValidatePattern(strings.TrimPrefix(m.Pattern, "!")) {
				return Rules{}, fault.Newf(fault.Invalid, "catalog.rules: %s is not a valid pattern", m.Pattern)
			}
		}
	}
	return out, nil
}

// Allows reports whether the entity may come from the origin.
func (r Rules) Allows(e catalog.Entity, origin catalog.Location) bool {
	for i := range r.rules {
		if r.rules[i].at(origin) && r.rules[i].allows(e) {
			return true
		}
	}
	return false
}

func (r *Rule) allows(e catalog.Entity) bool {
	for _, a := range r.Allow {
		if strings.EqualFold(a.Kind, e.Kind()) && (a.Type == "" || strings.EqualFold(a.Type, e.SpecString("type"))) {
			return true
		}
	}
	return false
}

func (r *Rule) at(origin catalog.Location) bool {
	if r.Locations == nil {
		return true
	}
	for _, m := range r.Locations {
		if m.Type == origin.Type && (m.Exact == "" || m.Exact == origin.Target) && (m.Pattern == "" || matchFold(m.Pattern, origin.Target)) {
			return true
		}
	}
	return false
}

// matchFold matches a glob without regard to case; dots need no mention, and a
// leading exclamation mark turns the answer around.
func matchFold(pattern, s string) bool {
	pattern, negated := strings.CutPrefix(pattern, "!")
	ok, err := doublestar.Match(strings.ToLower(pattern), strings.ToLower(s))
	return err == nil && ok != negated
}

// notAllowed is the refusal of an entity, in the words of Backstage.
func notAllowed(e catalog.Entity, at, origin catalog.Location) error {
	return notAllowedError("Entity " + e.Ref().String() + " at " + at.String() + ", originated at " + origin.String() +
		", is not of an allowed kind for that location")
}
