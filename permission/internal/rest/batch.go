package rest

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/httpx"
)

// issue is one complaint about a request, in the words and the order of fields
// that clients of the protocol know.
type issue struct {
	Code        string       `json:"code"`
	Expected    any          `json:"expected,omitempty"`
	Received    string       `json:"received,omitempty"`
	UnionErrors []unionError `json:"unionErrors,omitempty"`
	Path        []any        `json:"path"`
	Message     string       `json:"message"`
}

// unionError holds the complaints of one of the shapes an item may have.
type unionError struct {
	Issues []issue `json:"issues"`
	Name   string  `json:"name"`
}

// parseBatch reads {"items": […]} and complains about everything that is wrong
// with it at once.
func parseBatch(body any) ([]item, error) {
	object, ok := body.(map[string]any)
	if !ok {
		return nil, refuse([]issue{mismatch("object", body, true)})
	}
	list, ok := object["items"].([]any)
	if !ok {
		_, present := object["items"]
		return nil, refuse([]issue{mismatch("array", object["items"], present, "items")})
	}
	var (
		items  []item
		issues []issue
	)
	for n, raw := range list {
		it, wrong := parseItem(raw, n)
		if len(wrong) > 0 {
			// An item may ask for a basic or for a resource permission; what is
			// wrong for both is said for both.
			issues = append(issues, issue{
				Code: "invalid_union", Path: []any{"items", n}, Message: "Invalid input",
				UnionErrors: []unionError{{wrong, "ZodError"}, {wrong, "ZodError"}},
			})
			continue
		}
		items = append(items, it)
	}
	if len(issues) > 0 {
		return nil, refuse(issues)
	}
	return items, nil
}

func parseItem(raw any, n int) (item, []issue) {
	object, ok := raw.(map[string]any)
	if !ok {
		return item{}, []issue{mismatch("object", raw, true, "items", n)}
	}
	var (
		it     item
		issues []issue
	)
	text := func(from map[string]any, key string, path ...any) string {
		s, ok := from[key].(string)
		if !ok {
			_, present := from[key]
			issues = append(issues, mismatch("string", from[key], present, append(path, key)...))
		}
		return s
	}
	it.ID = text(object, "id", "items", n)
	switch ref := object["resourceRef"].(type) {
	case nil:
	case string:
		it.ResourceRefs = []string{ref}
	case []any:
		it.List = true
		for i, r := range ref {
			s, ok := r.(string)
			if !ok {
				issues = append(issues, mismatch("string", r, true, "items", n, "resourceRef", i))
			}
			it.ResourceRefs = append(it.ResourceRefs, s)
		}
	default:
		issues = append(issues, mismatch("string", ref, true, "items", n, "resourceRef"))
	}
	perm, ok := object["permission"].(map[string]any)
	if !ok {
		_, present := object["permission"]
		return it, append(issues, mismatch("object", object["permission"], present, "items", n, "permission"))
	}
	it.Permission.Name = text(perm, "name", "items", n, "permission")
	if attributes, ok := perm["attributes"].(map[string]any); ok {
		it.Permission.Action, _ = attributes["action"].(string)
	}
	if kind := text(perm, "type", "items", n, "permission"); kind == "resource" {
		it.Permission.ResourceType = text(perm, "resourceType", "items", n, "permission")
	}
	return it, issues
}

// mismatch says that a value is missing or of the wrong type.
func mismatch(expected string, got any, present bool, path ...any) issue {
	i := issue{Code: "invalid_type", Expected: expected, Received: httpx.JSONType(got), Path: path, Message: "Required"}
	if !present {
		i.Received = "undefined"
	} else {
		i.Message = fmt.Sprintf("Expected %s, received %s", expected, i.Received)
	}
	if i.Path == nil {
		i.Path = []any{}
	}
	return i
}

// refuse renders the issues as indented JSON, which is the whole message.
func refuse(issues []issue) error {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(issues); err != nil {
		return fmt.Errorf("encode complaints: %w", err)
	}
	return fault.New(fault.Invalid, string(bytes.TrimSpace(buf.Bytes())))
}
