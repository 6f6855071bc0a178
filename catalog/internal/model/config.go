package model

import (
	"fmt"
	"strings"

	"github.com/stagedoor/stagedoor/internal/fault"
)

// Config is the part of the portal's configuration that [FromConfig] reads.
type Config interface {
	// Decode decodes the value at path as encoding/json would, and leaves into
	// alone when there is none.
	Decode(path string, into any) error
}

// FromConfig reads the options of a model: catalog.kinds, a list of kind
// definitions, and catalog.model.layers, a list of layers to switch on. Errors
// have code invalid and name the item.
func FromConfig(c Config, strict bool) (Options, error) {
	opts := Options{Strict: strict}
	var items []any
	if err := c.Decode("catalog.kinds", &items); err != nil {
		return opts, fmt.Errorf("read custom kinds: %w", err)
	}
	for i, item := range items {
		def, err := KindFromValue(item)
		if err != nil {
			return opts, fmt.Errorf("catalog.kinds[%d]: %w", i, err)
		}
		opts.Kinds = append(opts.Kinds, def)
	}
	var layers []string
	if err := c.Decode("catalog.model.layers", &layers); err != nil {
		return opts, fmt.Errorf("read model layers: %w", err)
	}
	for i, layer := range layers {
		if !strings.EqualFold(layer, LayerAI) {
			return opts, fault.Newf(fault.Invalid, "catalog.model.layers[%d]: layer %q is not known; the only one is %q", i, layer, LayerAI)
		}
		opts.AI = true
	}
	return opts, nil
}
