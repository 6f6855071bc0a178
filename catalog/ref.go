package catalog

import (
	"fmt"
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
// defaults. A colon behind the slash is not a kind separator. It returns a
// *RefError when a part is empty, when there is more than one separator of a
// sort, or when the kind is missing without a default.
func ParseRef(s string, defaults RefDefaults) (Ref, error) {
	kind, namespace, name, ok := splitRef(s)
	if !ok {
		return Ref{}, &RefError{Input: s, Reason: "was not on the form [<kind>:][<namespace>/]<name>"}
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
// Absent parts are empty; ok is false when a part that has its separator is
// empty, or when the name still holds a separator.
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

// Error renders the message that clients of Backstage know.
func (e *RefError) Error() string {
	return fmt.Sprintf("Entity reference %q %s", e.Input, e.Reason)
}

// FaultCode is "invalid".
func (e *RefError) FaultCode() string { return "invalid" }
