package process

import (
	"regexp"

	"github.com/stagedoor/stagedoor/catalog"
)

// rejectedURL stands in the place of a link that would run as a script.
const rejectedURL = "https://backstage.io/annotation-rejected-for-security-reasons"

// scriptURL finds javascript: in the ways in which browsers still read it.
var scriptURL = regexp.MustCompile(`(?i)^[\x00-\x20]*j[\r\n\t]*a[\r\n\t]*v[\r\n\t]*a[\r\n\t]*s[\r\n\t]*c[\r\n\t]*r[\r\n\t]*i[\r\n\t]*p[\r\n\t]*t[\r\n\t]*:`)

// annotate says where an entity of a url location can be seen, edited and
// found. What the author wrote stays.
func (p *Pipeline) annotate(e catalog.Entity, at, origin catalog.Location) {
	setDefault(e, catalog.AnnotationManagedByLocation, at.String())
	setDefault(e, catalog.AnnotationManagedByOriginLocation, origin.String())
	if at.Type != "url" {
		return
	}
	setDefault(e, catalog.AnnotationViewURL, at.Target)
	if p.reader == nil {
		return
	}
	info, ok := p.reader.Describe(at.Target)
	if !ok {
		return
	}
	if info.EditURL != "" {
		setDefault(e, catalog.AnnotationEditURL, info.EditURL)
	}
	if info.FolderURL != "" {
		setDefault(e, catalog.AnnotationSourceLocation, "url:"+info.FolderURL)
	}
}

func setDefault(e catalog.Entity, name, value string) {
	if m, ok := e.Metadata()["annotations"].(map[string]any); ok {
		if _, there := m[name]; there {
			return
		}
	}
	e.SetAnnotation(name, value)
}

// disarm replaces links of the annotations that are shown as links and would
// run as a script.
func disarm(e catalog.Entity) {
	for _, name := range []string{catalog.AnnotationViewURL, catalog.AnnotationEditURL} {
		if v := e.Annotation(name); v != "" && scriptURL.MatchString(v) {
			e.SetAnnotation(name, rejectedURL)
		}
	}
}
