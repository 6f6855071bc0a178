package model_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stagedoor/stagedoor/catalog/internal/model"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// values is configuration as a map of paths.
type values map[string]any

func (v values) Decode(path string, into any) error {
	x, ok := v[path]
	if !ok {
		return nil
	}
	data, err := json.Marshal(x)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, into)
}

func TestFromConfig_ReadsKindsAndLayers(t *testing.T) {
	t.Parallel()
	opts, err := model.FromConfig(values{
		"catalog.kinds":        []any{map[string]any{"kind": "Cluster", "apiVersions": []any{"example.com/v1"}}},
		"catalog.model.layers": []any{"ai"},
	}, true)
	if err != nil {
		t.Fatal(err)
	}
	if len(opts.Kinds) != 1 || opts.Kinds[0].Kind != "Cluster" || !opts.AI || !opts.Strict {
		t.Errorf("got %+v", opts)
	}
	if opts, err := model.FromConfig(values{}, false); err != nil || opts.AI || opts.Kinds != nil {
		t.Errorf("without configuration: got %+v, %v", opts, err)
	}
}

func TestFromConfig_NamesTheItemThatIsWrong(t *testing.T) {
	t.Parallel()
	for want, v := range map[string]values{
		"catalog.kinds[1]":        {"catalog.kinds": []any{map[string]any{"kind": "A"}, map[string]any{"kinds": "B"}}},
		"catalog.model.layers[0]": {"catalog.model.layers": []any{"hot"}},
	} {
		_, err := model.FromConfig(v, false)
		if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an invalid error that names %s", err, want)
		}
	}
}
