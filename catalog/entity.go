package catalog

// Well-known annotations. See the contract of the descriptor format.
const (
	AnnotationManagedByLocation       = "backstage.io/managed-by-location"
	AnnotationManagedByOriginLocation = "backstage.io/managed-by-origin-location"
	AnnotationViewURL                 = "backstage.io/view-url"
	AnnotationEditURL                 = "backstage.io/edit-url"
	AnnotationSourceLocation          = "backstage.io/source-location"
	AnnotationOrphan                  = "backstage.io/orphan"
)

// Entity is one catalog entity as JSON data: the values are nil, bool,
// float64, string, []any and map[string]any, nested freely. An Entity that
// came from outside may have any shape; the accessors never panic and return
// the zero value for what is missing or of another type.
//
// An Entity that was handed to you by the catalog is shared: [Entity.Clone] it
// before you change it.
type Entity map[string]any

// APIVersion returns apiVersion.
func (e Entity) APIVersion() string { return stringAt(e, "apiVersion") }

// Kind returns kind as written.
func (e Entity) Kind() string { return stringAt(e, "kind") }

// Metadata returns the metadata object, or nil.
func (e Entity) Metadata() map[string]any { m, _ := e["metadata"].(map[string]any); return m }

// Spec returns the spec object, or nil.
func (e Entity) Spec() map[string]any { m, _ := e["spec"].(map[string]any); return m }

// Name returns metadata.name.
func (e Entity) Name() string { return stringAt(e.Metadata(), "name") }

// Namespace returns metadata.namespace, or [DefaultNamespace].
func (e Entity) Namespace() string {
	if ns := stringAt(e.Metadata(), "namespace"); ns != "" {
		return ns
	}
	return DefaultNamespace
}

// UID returns metadata.uid, which the catalog gives.
func (e Entity) UID() string { return stringAt(e.Metadata(), "uid") }

// Ref returns the entity's own reference.
func (e Entity) Ref() Ref { return Ref{Kind: e.Kind(), Namespace: e.Namespace(), Name: e.Name()} }

// Annotation returns the annotation, or the empty string.
func (e Entity) Annotation(name string) string {
	m, _ := e.Metadata()["annotations"].(map[string]any)
	return stringAt(m, name)
}

// SetAnnotation sets an annotation in place. It does nothing when metadata is
// missing or not an object, because such an entity is about to be refused.
func (e Entity) SetAnnotation(name, value string) {
	meta := e.Metadata()
	if meta == nil {
		return
	}
	m, ok := meta["annotations"].(map[string]any)
	if !ok {
		if meta["annotations"] != nil {
			return
		}
		m = map[string]any{}
		meta["annotations"] = m
	}
	m[name] = value
}

// SpecString returns the string at spec.<key>, or the empty string.
func (e Entity) SpecString(key string) string { return stringAt(e.Spec(), key) }

// Clone returns a deep copy.
func (e Entity) Clone() Entity {
	if e == nil {
		return nil
	}
	return Entity(cloneValue(map[string]any(e)).(map[string]any))
}

func stringAt(m map[string]any, key string) string { s, _ := m[key].(string); return s }

func cloneValue(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, x := range v {
			out[k] = cloneValue(x)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, x := range v {
			out[i] = cloneValue(x)
		}
		return out
	}
	return v
}

// Relation is one directed relation. Source and Target are rendered refs
// (lower case); the far end need not exist.
type Relation struct {
	Source string
	Type   string
	Target string
}

// StatusItem is one entry of status.items: what is wrong with an entity, in
// the shape that clients of the REST API read.
type StatusItem struct {
	Type    string       `json:"type"`
	Level   string       `json:"level"`
	Message string       `json:"message"`
	Error   *StatusError `json:"error,omitempty"`
}

// StatusError is the error inside a [StatusItem].
type StatusError struct {
	Name    string       `json:"name"`
	Message string       `json:"message"`
	Cause   *StatusError `json:"cause,omitempty"`
}

// Location says where entities are read from: a type (url, file, …) and a
// target that the type knows how to read.
type Location struct {
	Type   string `json:"type"`
	Target string `json:"target"`
}

// String renders type:target, which is also the location key of the entities
// that come from it.
func (l Location) String() string { return l.Type + ":" + l.Target }
