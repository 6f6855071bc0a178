package model

import (
	"fmt"
	"math/big"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// describe words a failed keyword as Ajv does: the message, and its parameters
// as "name: value" pairs.
func describe(k jsonschema.ErrorKind) (message, params string) {
	switch k := k.(type) {
	case *kind.Type:
		want := strings.Join(k.Want, ",")
		return "must be " + want, "type: " + want
	case *kind.Required:
		return fmt.Sprintf("must have required property '%s'", k.Missing[0]), "missingProperty: " + k.Missing[0]
	case *kind.AdditionalProperties:
		return "must NOT have additional properties", "additionalProperty: " + least(k.Properties)
	case *kind.Enum:
		return "must be equal to one of the allowed values", "allowedValues: " + joinValues(k.Want)
	case *kind.Const:
		return "must be equal to constant", "allowedValue: " + jsString(k.Want)
	case *kind.Format:
		return fmt.Sprintf("must match format %q", k.Want), "format: " + k.Want
	case *kind.Pattern:
		return `must match pattern "` + k.Want + `"`, "pattern: " + k.Want
	case *kind.OneOf:
		if k.Subschemas == nil {
			return "must match exactly one schema in oneOf", "passingSchemas: null"
		}
		return "must match exactly one schema in oneOf", fmt.Sprintf("passingSchemas: %d,%d", k.Subschemas[0], k.Subschemas[1])
	case *kind.AnyOf:
		return "must match a schema in anyOf", ""
	case *kind.Not:
		return "must NOT be valid", ""
	case *kind.FalseSchema:
		return "boolean schema is false", ""
	case *kind.PropertyNames:
		return "property name must be valid", "propertyName: " + k.Property
	case *kind.Dependency:
		deps := strings.Join(k.Missing, ", ")
		noun := "property"
		if len(k.Missing) > 1 {
			noun = "properties"
		}
		return fmt.Sprintf("must have %s %s when property %s is present", noun, deps, k.Prop),
			fmt.Sprintf("property: %s, missingProperty: %s, depsCount: %d, deps: %s", k.Prop, k.Missing[0], len(k.Missing), deps)
	}
	return describeLimit(k)
}

// describeLimit words the keywords that compare with a number.
func describeLimit(k jsonschema.ErrorKind) (message, params string) {
	switch k := k.(type) {
	case *kind.MinLength:
		return limit("must NOT have fewer than %d characters", k.Want)
	case *kind.MaxLength:
		return limit("must NOT have more than %d characters", k.Want)
	case *kind.MinItems:
		return limit("must NOT have fewer than %d items", k.Want)
	case *kind.MaxItems:
		return limit("must NOT have more than %d items", k.Want)
	case *kind.AdditionalItems:
		return "must NOT have additional items", fmt.Sprintf("limit: %d", k.Count)
	case *kind.MinProperties:
		return limit("must NOT have fewer than %d properties", k.Want)
	case *kind.MaxProperties:
		return limit("must NOT have more than %d properties", k.Want)
	case *kind.UniqueItems:
		i, j := k.Duplicates[1], k.Duplicates[0]
		return fmt.Sprintf("must NOT have duplicate items (items ## %d and %d are identical)", j, i), fmt.Sprintf("i: %d, j: %d", i, j)
	case *kind.Contains:
		return "must contain at least 1 valid item(s)", "minContains: 1"
	case *kind.Minimum:
		return comparison(">=", k.Want)
	case *kind.Maximum:
		return comparison("<=", k.Want)
	case *kind.ExclusiveMinimum:
		return comparison(">", k.Want)
	case *kind.ExclusiveMaximum:
		return comparison("<", k.Want)
	case *kind.MultipleOf:
		n := ratString(k.Want)
		return "must be multiple of " + n, "multipleOf: " + n
	}
	return "is not valid", ""
}

func limit(format string, n int) (message, params string) {
	return fmt.Sprintf(format, n), fmt.Sprintf("limit: %d", n)
}

func comparison(op string, want *big.Rat) (message, params string) {
	n := ratString(want)
	return "must be " + op + " " + n, "comparison: " + op + ", limit: " + n
}

func ratString(r *big.Rat) string {
	f, _ := r.Float64()
	return string(appendNumber(nil, f))
}

// least returns the first of names by order, because the validator finds them
// in the order of a Go map.
func least(names []string) string {
	out := names[0]
	for _, n := range names[1:] {
		if n < out {
			out = n
		}
	}
	return out
}

func joinValues(values []any) string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = jsString(v)
	}
	return strings.Join(out, ",")
}

// jsString renders a value as JavaScript's String() does.
func jsString(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		return v
	case []any:
		return joinValues(v)
	case map[string]any:
		return "[object Object]"
	}
	return string(AppendCanonical(nil, v))
}
