package model

import "github.com/stagedoor/stagedoor/catalog"

// plainShape reports that an entity passes the schema "shape" for certain.
// False means that the schema has to be asked. Nearly every entity is plain,
// and looking is many times faster than a general validator.
func plainShape(e catalog.Entity) bool {
	meta := e.Metadata()
	if meta == nil || e.APIVersion() == "" || e.Kind() == "" || e.Name() == "" {
		return false
	}
	namespace, given := meta["namespace"]
	return !given || isText(namespace, 1)
}

// plainEnvelope is [plainShape] for the schema "entity".
func plainEnvelope(e catalog.Entity) bool {
	for key, v := range e {
		switch key {
		case "apiVersion", "kind", "metadata":
		case "spec":
			if _, ok := v.(map[string]any); !ok {
				return false
			}
		default:
			return false
		}
	}
	if !plainShape(e) {
		return false
	}
	for key, v := range e.Metadata() {
		ok := true
		switch key {
		case "uid", "etag", "title":
			ok = isText(v, 1)
		case "description":
			ok = isText(v, 0)
		case "labels", "annotations":
			ok = isTextMap(v)
		case "tags":
			ok = everyItem(v, func(item any) bool { return isText(item, 1) })
		case "links":
			ok = everyItem(v, plainLink)
		}
		if !ok {
			return false
		}
	}
	return true
}

func plainLink(v any) bool {
	link, ok := v.(map[string]any)
	if !ok || !isText(link["url"], 1) {
		return false
	}
	for _, key := range []string{"title", "icon", "type"} {
		if text, given := link[key]; given && !isText(text, 1) {
			return false
		}
	}
	return true
}

func isText(v any, least int) bool {
	s, ok := v.(string)
	return ok && len(s) >= least
}

func isTextMap(v any) bool {
	m, ok := v.(map[string]any)
	for _, text := range m {
		ok = ok && isText(text, 0)
	}
	return ok
}

func everyItem(v any, good func(any) bool) bool {
	list, ok := v.([]any)
	for _, item := range list {
		ok = ok && good(item)
	}
	return ok
}
