package permission

import (
	"encoding/json"
	"errors"
	"fmt"
)

// MaxConditionDepth bounds how deep conditions may nest on the wire and in
// files.
const MaxConditionDepth = 40

// The wire forms of a condition.
type (
	anyOfJSON struct {
		AnyOf []Condition `json:"anyOf"`
	}
	allOfJSON struct {
		AllOf []Condition `json:"allOf"`
	}
	notJSON struct {
		Not *Condition `json:"not"`
	}
	ruleJSON struct {
		Rule         string         `json:"rule"`
		ResourceType string         `json:"resourceType"`
		Params       map[string]any `json:"params,omitempty"`
	}
)

// Replace returns the condition with each of its rules replaced by what fn
// returns; the condition itself stays as it is. It ends with the first error.
func (c Condition) Replace(fn func(rule Condition) (Condition, error)) (Condition, error) {
	switch {
	case c.AllOf != nil:
		list, err := replaceEach(c.AllOf, fn)
		return Condition{AllOf: list}, err
	case c.AnyOf != nil:
		list, err := replaceEach(c.AnyOf, fn)
		return Condition{AnyOf: list}, err
	case c.Not != nil:
		inner, err := c.Not.Replace(fn)
		return Condition{Not: &inner}, err
	}
	return fn(c)
}

func replaceEach(cs []Condition, fn func(Condition) (Condition, error)) ([]Condition, error) {
	out := make([]Condition, len(cs))
	for i, c := range cs {
		replaced, err := c.Replace(fn)
		if err != nil {
			return nil, err
		}
		out[i] = replaced
	}
	return out, nil
}

// MarshalJSON writes the condition as the protocol has it.
func (c Condition) MarshalJSON() ([]byte, error) {
	switch {
	case c.AllOf != nil:
		return json.Marshal(allOfJSON{c.AllOf})
	case c.AnyOf != nil:
		return json.Marshal(anyOfJSON{c.AnyOf})
	case c.Not != nil:
		return json.Marshal(notJSON{c.Not})
	}
	return json.Marshal(ruleJSON{c.Rule, c.ResourceType, c.Params})
}

// UnmarshalJSON reads a condition as the protocol has it. It refuses more than
// one form in an object and more than [MaxConditionDepth] levels.
func (c *Condition) UnmarshalJSON(data []byte) error {
	parsed, err := parseCondition(data, 0)
	if err == nil {
		*c = parsed
	}
	return err
}

func parseCondition(data []byte, depth int) (Condition, error) {
	var in struct {
		AllOf        []json.RawMessage `json:"allOf"`
		AnyOf        []json.RawMessage `json:"anyOf"`
		Not          json.RawMessage   `json:"not"`
		Rule         string            `json:"rule"`
		ResourceType string            `json:"resourceType"`
		Params       map[string]any    `json:"params"`
	}
	if depth > MaxConditionDepth {
		return Condition{}, errors.New("the condition nests too deeply")
	}
	if err := json.Unmarshal(data, &in); err != nil {
		return Condition{}, fmt.Errorf("read condition: %w", err)
	}
	forms := 0
	for _, given := range []bool{in.AllOf != nil, in.AnyOf != nil, in.Not != nil, in.Rule != ""} {
		if given {
			forms++
		}
	}
	if forms != 1 {
		return Condition{}, errors.New("a condition has one of allOf, anyOf, not and rule")
	}
	var err error
	out := Condition{ResourceType: in.ResourceType, Rule: in.Rule, Params: in.Params}
	switch {
	case in.AllOf != nil:
		out.AllOf, err = parseConditions(in.AllOf, depth)
	case in.AnyOf != nil:
		out.AnyOf, err = parseConditions(in.AnyOf, depth)
	case in.Not != nil:
		var inner Condition
		inner, err = parseCondition(in.Not, depth+1)
		out.Not = &inner
	}
	return out, err
}

func parseConditions(items []json.RawMessage, depth int) ([]Condition, error) {
	out := make([]Condition, len(items))
	for i, item := range items {
		c, err := parseCondition(item, depth+1)
		if err != nil {
			return nil, fmt.Errorf("condition %d: %w", i, err)
		}
		out[i] = c
	}
	return out, nil
}
