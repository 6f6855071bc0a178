package rest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/catalog/internal/service"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/httpx"
	"github.com/stagedoor/stagedoor/internal/yamlx"
)

// action is something that an agent may do with the catalog.
type action struct {
	name, title, description           string
	destructive, idempotent, readsOnly bool
	input                              httpx.Schema
	run                                func(h *rest, r *http.Request, in map[string]any) (any, error)
}

func text(name string) httpx.Property { return httpx.Property{Name: name, Schema: schemaText} }

func inputOf(required []string, properties ...httpx.Property) httpx.Schema {
	return httpx.Schema{Type: httpx.Object, Closed: true, Required: required, Properties: properties}
}

var actions = []action{
	{
		name: "get-catalog-model-description", title: "Describe the catalog's model", idempotent: true, readsOnly: true,
		description: "Lists the kinds of entities that this catalog knows, and the relations between them, as Markdown.",
		input:       inputOf(nil), run: describeModel,
	},
	{
		name: "get-catalog-entity", title: "Get an entity", idempotent: true, readsOnly: true,
		description: "Reads one entity by name. Kind and namespace may be left out when the name is the only one of its sort.",
		input:       inputOf([]string{"name"}, text("kind"), text("namespace"), text("name")), run: getEntityAction,
	},
	{
		name: "query-catalog-entities", title: "Query entities", idempotent: true, readsOnly: true,
		description: "Reads a page of entities by a predicate such as {\"kind\": \"Component\", \"spec.owner\": \"team-a\"}; $all, $any, $not, $in, $exists, $hasPrefix and $contains combine and widen conditions.",
		input: inputOf(nil, httpx.Property{Name: "query", Schema: httpx.Schema{Type: httpx.Object}}, httpx.Property{Name: "fields", Schema: schemaTexts},
			httpx.Property{Name: "limit", Schema: httpx.Schema{Type: httpx.Integer, Min: httpx.Bound(1)}}, httpx.Property{Name: "offset", Schema: httpx.Schema{Type: httpx.Integer, Min: httpx.Bound(0)}}, text("cursor")),
		run: queryAction,
	},
	{
		name: "validate-entity", title: "Validate entity YAML", idempotent: true, readsOnly: true,
		description: "Says whether the text of a catalog file is YAML and holds an entity that would be accepted.",
		input:       inputOf([]string{"entity"}, text("entity"), text("location")), run: validateAction,
	},
	{
		name: "register-entity", title: "Register a location",
		description: "Registers the URL of a catalog file. Its entities appear as soon as it was read.",
		input:       inputOf([]string{"locationUrl"}, text("locationUrl")), run: registerAction,
	},
	{
		name: "unregister-entity", title: "Unregister a location", destructive: true, idempotent: true,
		description: "Removes a registered location, given by id or URL, with everything that only came through it.",
		input:       inputOf([]string{"type"}, httpx.Property{Name: "type", Schema: inputOf(nil, text("locationId"), text("locationUrl"))}), run: unregisterAction,
	},
	{
		name: "refresh-catalog-entity", title: "Refresh an entity", idempotent: true,
		description: "Asks that an entity is read again from its source now instead of at its next turn.",
		input:       inputOf([]string{"name"}, text("kind"), text("namespace"), text("name")), run: refreshAction,
	},
}

func (h *rest) listActions(w http.ResponseWriter, r *http.Request) error {
	list := make([]map[string]any, len(actions))
	for i, a := range actions {
		list[i] = map[string]any{
			"id": "catalog:" + a.name, "name": a.name, "title": a.title, "description": a.description, "pluginId": "catalog",
			"attributes": map[string]bool{"destructive": a.destructive, "idempotent": a.idempotent, "readOnly": a.readsOnly},
			"schema":     map[string]any{"input": schemaJSON(&a.input), "output": map[string]any{"type": "object"}},
		}
	}
	return httpx.JSON(w, r, map[string]any{"actions": list})
}

// schemaJSON renders the part of JSON schema that inputs of actions use.
func schemaJSON(s *httpx.Schema) map[string]any {
	out := map[string]any{"type": string(s.Type)}
	if s.Items != nil {
		out["items"] = schemaJSON(s.Items)
	}
	if s.Type == httpx.Object {
		properties := map[string]any{}
		for i := range s.Properties {
			properties[s.Properties[i].Name] = schemaJSON(&s.Properties[i].Schema)
		}
		out["properties"] = properties
		out["additionalProperties"] = !s.Closed
		if s.Required != nil {
			out["required"] = s.Required
		}
	}
	return out
}

func (h *rest) invokeAction(w http.ResponseWriter, r *http.Request) error {
	if err := noQuery(r); err != nil {
		return err
	}
	id := r.PathValue("id")
	for i := range actions {
		a := &actions[i]
		if id != a.name && id != "catalog:"+a.name {
			continue
		}
		var in map[string]any
		if err := httpx.DecodeJSON(r, &a.input, &in); err != nil {
			return err
		}
		out, err := a.run(h, r, in)
		if err != nil {
			return err
		}
		return httpx.JSON(w, r, map[string]any{"output": out})
	}
	return fault.Newf(fault.NotFound, "Action \"%s\" not found", id)
}

func textOf(in map[string]any, key string) string { s, _ := in[key].(string); return s }

func describeModel(h *rest, _ *http.Request, _ map[string]any) (any, error) {
	var b strings.Builder
	b.WriteString("# Kinds\n")
	for _, k := range h.service.Kinds() {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\napiVersion: %s\n", k.Kind, k.Description, strings.Join(k.APIVersions, ", "))
		for _, f := range k.Relations {
			fmt.Fprintf(&b, "- `%s` makes %s (reverse %s)\n", f.Path, f.Type, f.Reverse)
		}
	}
	return map[string]string{"description": b.String()}, nil
}

// find looks an entity up of which kind and namespace may be unknown.
func find(h *rest, r *http.Request, in map[string]any) (service.Found, error) {
	filter := catalog.And{catalog.Match{Key: "metadata.name", Values: []string{textOf(in, "name")}}}
	for field, key := range map[string]string{"kind": "kind", "namespace": "metadata.namespace"} {
		if v := textOf(in, field); v != "" {
			filter = append(filter, catalog.Match{Key: key, Values: []string{v}})
		}
	}
	list, err := h.service.List(r.Context(), service.ListRequest{Filter: filter, Limit: 2})
	switch {
	case err != nil:
		return service.Found{}, err
	case len(list.IDs) == 0:
		return service.Found{}, fault.Newf(fault.NotFound, "No entity found with name \"%s\"", textOf(in, "name"))
	case len(list.IDs) > 1:
		return service.Found{}, fault.Newf(fault.Conflict, "Several entities are called \"%s\"; give kind and namespace too", textOf(in, "name"))
	}
	return service.Found{Snapshot: list.Snapshot, ID: list.IDs[0]}, nil
}

func getEntityAction(h *rest, r *http.Request, in map[string]any) (any, error) {
	found, err := find(h, r, in)
	if err != nil {
		return nil, err
	}
	return json.RawMessage(found.AppendJSON(nil)), nil
}

func refreshAction(h *rest, r *http.Request, in map[string]any) (any, error) {
	found, err := find(h, r, in)
	if err != nil {
		return nil, err
	}
	ref := found.Snapshot.Ref(found.ID)
	return map[string]string{"entityRef": ref}, h.service.Refresh(r.Context(), ref)
}

func queryAction(h *rest, r *http.Request, in map[string]any) (any, error) {
	limit := 50
	if n, ok := in["limit"].(float64); ok {
		limit = bounded(n)
	}
	offset, _ := in["offset"].(float64)
	req := service.PageRequest{Limit: &limit, Offset: bounded(offset), Query: in["query"]}
	var err error
	if text := textOf(in, "cursor"); text != "" {
		req.Cursor, err = service.DecodeCursor(text)
	} else {
		req.Filter, err = parsePredicate(in["query"])
	}
	if err != nil {
		return nil, err
	}
	var fields []string
	if list, ok := in["fields"].([]any); ok {
		for _, f := range list {
			fields = append(fields, fmt.Sprint(f))
		}
	}
	page, err := h.service.Page(r.Context(), req)
	if err != nil {
		return nil, err
	}
	out := map[string]any{"items": json.RawMessage(appendList(nil, page.Snapshot, page.IDs, fields)), "totalItems": page.Total, "hasMoreEntities": page.Next != nil}
	if page.Next != nil {
		out["nextPageCursor"] = page.Next.Encode()
	}
	return out, nil
}

func validateAction(h *rest, r *http.Request, in map[string]any) (any, error) {
	at := catalog.Location{Type: "url", Target: "https://localhost/entity-validator"}
	if l := textOf(in, "location"); l != "" {
		at.Target = strings.TrimPrefix(l, "url:")
	}
	docs := yamlx.Parse([]byte(textOf(in, "entity")), yamlx.Options{File: "entity"})
	if len(docs) != 1 || docs[0].Err != nil {
		message := fmt.Sprintf("expected one document, got %d", len(docs))
		if len(docs) == 1 {
			message = docs[0].Err.Error()
		}
		return map[string]any{"isValid": false, "isValidYaml": false, "errors": []string{message}}, nil
	}
	entity, _ := docs[0].Value.(map[string]any)
	errs, err := h.service.Validate(r.Context(), entity, at)
	if err != nil {
		return nil, err
	}
	messages := make([]string, len(errs))
	for i, e := range errs {
		messages[i] = e.Message
	}
	return map[string]any{"isValid": len(errs) == 0, "isValidYaml": true, "errors": messages, "entity": entity}, nil
}

func registerAction(h *rest, r *http.Request, in map[string]any) (any, error) {
	added, err := h.service.AddLocation(r.Context(), catalog.Location{Type: "url", Target: textOf(in, "locationUrl")}, "", false)
	return map[string]string{"locationId": added.Location.ID}, err
}

func unregisterAction(h *rest, r *http.Request, in map[string]any) (any, error) {
	by, _ := in["type"].(map[string]any)
	id, target := textOf(by, "locationId"), textOf(by, "locationUrl")
	if id == "" {
		all, err := h.service.Locations(r.Context())
		if err != nil {
			return nil, err
		}
		for _, l := range all {
			if l.Type == "url" && l.Target == target {
				id = l.ID
			}
		}
		if id == "" {
			return nil, fault.Newf(fault.NotFound, "Location with URL %s not found", target)
		}
	}
	return map[string]any{}, h.service.DeleteLocation(r.Context(), id)
}
