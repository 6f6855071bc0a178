package catalog

import (
	"encoding/json"
	"strconv"
	"strings"
)

// DefaultNamespace is the namespace of entities and references that name none.
const DefaultNamespace = "default"

// Ref names an entity: kind, namespace and name, each in the case that its
// author wrote. Two refs mean the same entity when their String is equal.
type Ref struct {
	Kind      string
	Namespace string
	Name      string
}

// RefDefaults fills the parts that a partial reference leaves out. A zero
// Namespace means [DefaultNamespace]; a zero Kind means that the reference
// must name its kind.
type RefDefaults struct {
	Kind      string
	Namespace string
}

// ParseRef reads [kind:][namespace/]name and fills what is missing from the
// defaults. A colon behind the slash is not a kind separator, and separators
// behind the first of their sort belong to the name. It returns a *RefError
// when s or a part that has its separator is empty, or when the kind is
// missing without a default.
func ParseRef(s string, defaults RefDefaults) (Ref, error) {
	if s == "" {
		return Ref{}, &RefError{Reason: "must not be empty"}
	}
	kind, namespace, name, ok := splitRef(s)
	if !ok {
		return Ref{}, &RefError{Input: s, Reason: badForm}
	}
	if kind == "" {
		kind = defaults.Kind
	}
	if namespace == "" {
		namespace = defaults.Namespace
	}
	if namespace == "" {
		namespace = DefaultNamespace
	}
	if kind == "" {
		return Ref{}, &RefError{Input: s, Reason: "had missing or empty kind (e.g. did not start with \"component:\" or similar)"}
	}
	return Ref{Kind: kind, Namespace: namespace, Name: name}, nil
}

// splitRef cuts s at its first colon before the first slash and at that slash.
// Absent parts are empty; ok is false when the name or a part that has its
// separator is empty.
func splitRef(s string) (kind, namespace, name string, ok bool) {
	name = s
	colon, slash := strings.IndexByte(s, ':'), strings.IndexByte(s, '/')
	if colon >= 0 && (slash < 0 || colon < slash) {
		if kind, name = s[:colon], s[colon+1:]; kind == "" {
			return "", "", "", false
		}
	}
	if before, after, found := strings.Cut(name, "/"); found {
		if namespace, name = before, after; namespace == "" {
			return "", "", "", false
		}
	}
	if name == "" {
		return "", "", "", false
	}
	return kind, namespace, name, true
}

// MustRef is [ParseRef] of a full reference; it panics on a bad one. It is for
// constants and tests.
func MustRef(s string) Ref {
	r, err := ParseRef(s, RefDefaults{})
	if err != nil {
		panic(err)
	}
	return r
}

// String renders kind:namespace/name in lower case, the form in which refs are
// compared, stored and shown in relations.
func (r Ref) String() string {
	return strings.ToLower(r.Kind) + ":" + strings.ToLower(r.Namespace) + "/" + strings.ToLower(r.Name)
}

// RefError says why a text is not an entity reference.
type RefError struct {
	Input  string
	Reason string
}

// badForm is the reason for a text that cannot be cut into its parts.
const badForm = "was not on the form [<kind>:][<namespace>/]<name>"

// Error renders the message that clients of Backstage know.
func (e *RefError) Error() string {
	switch {
	case e.Input == "":
		return "Entity reference " + e.Reason
	case e.Reason == badForm:
		return `Entity reference "` + e.Input + `" ` + e.Reason
	}
	return "Entity reference " + quote(e.Input) + " " + e.Reason
}

// WireName is the name of the error in answers.
func (e *RefError) WireName() string {
	if e.Reason == badForm {
		return "TypeError"
	}
	return "Error"
}

// quote writes s as JSON, which unlike %q leaves readable what is.
func quote(s string) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		return strconv.Quote(s)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// FaultCode is "invalid".
func (e *RefError) FaultCode() string { return "invalid" }
