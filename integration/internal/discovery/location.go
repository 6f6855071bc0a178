package discovery

import (
	"crypto/sha1" //nolint:gosec // a name, as Backstage makes it
	"encoding/hex"

	"github.com/stagedoor/stagedoor/catalog"
)

// Location returns the Location entity for a file that need not exist, as
// Backstage's providers name it.
func Location(target, locationKey string) catalog.Deferred {
	at := catalog.Location{Type: "url", Target: target}
	sum := sha1.Sum([]byte(at.String())) //nolint:gosec // a name
	return catalog.Deferred{LocationKey: locationKey, Entity: catalog.Entity{
		"apiVersion": "backstage.io/v1alpha1",
		"kind":       "Location",
		"metadata": map[string]any{
			"name":        "generated-" + hex.EncodeToString(sum[:]),
			"annotations": Managed(at.String()),
		},
		"spec": map[string]any{"type": "url", "target": target, "presence": "optional"},
	}}
}

// Managed returns the two annotations that say where an entity comes from.
func Managed(location string) map[string]any {
	return map[string]any{
		catalog.AnnotationManagedByLocation:       location,
		catalog.AnnotationManagedByOriginLocation: location,
	}
}
