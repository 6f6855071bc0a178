package catalogplugin

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"time"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/catalog/internal/ingest"
	"github.com/stagedoor/stagedoor/catalog/internal/model"
	"github.com/stagedoor/stagedoor/catalog/internal/process"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/plugin"
)

// settings are the catalog's part of the configuration.
type settings struct {
	ReadOnly  bool
	SCMEvents bool

	Model            model.Options
	Locations        []locationSetting
	Rules            []process.Rule
	ProcessorOptions map[string]process.ProcessorOption
	ProviderOptions  map[string]struct {
		Disabled bool `json:"disabled"`
	}
	MergeKeys              bool
	Interval               func() time.Duration
	OrphanStrategy         string
	OrphanProviderStrategy string
	Watch                  bool
}

// locationSetting is one item of catalog.locations.
type locationSetting struct {
	Type     string         `json:"type"`
	Target   string         `json:"target"`
	Presence string         `json:"presence"`
	Rules    []process.Rule `json:"rules"`
}

// readSettings reads what is under catalog.
func (c *Catalog) readSettings() (settings, error) {
	s := settings{SCMEvents: true, Watch: true}
	var interval, scm any
	for path, into := range map[string]any{
		"catalog.readonly": &s.ReadOnly, "catalog.scmEvents": &scm, "catalog.locations": &s.Locations,
		"catalog.rules": &s.Rules, "catalog.processorOptions": &s.ProcessorOptions,
		"catalog.providerOptions": &s.ProviderOptions, "catalog.enableYamlMerge": &s.MergeKeys,
		"catalog.processingInterval": &interval, "catalog.orphanStrategy": &s.OrphanStrategy,
		"catalog.orphanProviderStrategy": &s.OrphanProviderStrategy, "catalog.watch": &s.Watch,
	} {
		if err := c.config.Decode(path, into); err != nil {
			return settings{}, fmt.Errorf("read the catalog's settings: %w", err)
		}
	}
	var err error
	if s.Model, err = model.FromConfig(c.config, c.deps.Strict); err != nil {
		return settings{}, err
	}
	if s.Interval, err = readInterval(interval); err != nil {
		return settings{}, err
	}
	s.SCMEvents = wantsRefresh(scm)
	for path, value := range map[string]string{"catalog.orphanStrategy": s.OrphanStrategy, "catalog.orphanProviderStrategy": s.OrphanProviderStrategy} {
		if value != "" && value != ingest.OrphansDelete && value != ingest.OrphansKeep {
			return settings{}, fault.Newf(fault.Invalid, "%s is %q, want delete or keep", path, value)
		}
	}
	return s, c.placeLocations(s.Locations)
}

// placeLocations checks the configured locations and makes their file targets
// absolute.
func (c *Catalog) placeLocations(list []locationSetting) error {
	dir, err := filepath.Abs(c.deps.Dir)
	if err != nil {
		return fmt.Errorf("find the folder of file locations: %w", err)
	}
	for i := range list {
		l := &list[i]
		if l.Type == "" || l.Target == "" {
			return fault.Newf(fault.Invalid, "catalog.locations[%d] needs a type and a target", i)
		}
		if l.Type == "file" && !filepath.IsAbs(l.Target) {
			l.Target = filepath.Join(dir, l.Target)
		}
	}
	return nil
}

func readInterval(v any) (func() time.Duration, error) {
	switch v := v.(type) {
	case nil:
		return ingest.Every(100 * time.Second), nil
	case bool:
		if v {
			return ingest.Every(100 * time.Second), nil
		}
		return ingest.Every(0), nil
	}
	d, err := plugin.ParseDuration(v)
	if err != nil {
		return nil, fault.Newf(fault.Invalid, "catalog.processingInterval: %w", err)
	}
	return ingest.Every(d), nil
}

// wantsRefresh reads catalog.scmEvents: true, false, or {refresh: false, …}.
func wantsRefresh(v any) bool {
	switch v := v.(type) {
	case bool:
		return v
	case map[string]any:
		refresh, ok := v["refresh"].(bool)
		return refresh || !ok
	}
	return true
}

// rules makes the rules of which kinds may come from where.
func (s settings) rules() (process.Rules, error) {
	ofLocations := map[catalog.Location][]process.Rule{}
	for _, l := range s.Locations {
		at := catalog.Location{Type: l.Type, Target: l.Target}
		ofLocations[at] = append(ofLocations[at], l.Rules...)
	}
	return process.NewRules(s.Rules, ofLocations)
}

// check finds out what is wrong before anything is built.
func (s settings) check() error {
	if _, err := s.rules(); err != nil {
		return err
	}
	if _, err := model.New(s.Model); err != nil {
		return fmt.Errorf("read the kinds: %w", err)
	}
	return nil
}

// configLocations are the locations as the engine wants them.
func (s settings) configLocations() []ingest.ConfigLocation {
	out := make([]ingest.ConfigLocation, len(s.Locations))
	for i, l := range s.Locations {
		out[i] = ingest.ConfigLocation{Type: l.Type, Target: l.Target, Presence: l.Presence}
	}
	return out
}

// checks is what the results of processing depend on. When it changes, the
// chain of processing is built anew.
func (s settings) checks() string {
	rules := make([][]process.Rule, len(s.Locations))
	targets := make([]string, len(s.Locations))
	for i, l := range s.Locations {
		if len(l.Rules) > 0 {
			rules[i], targets[i] = l.Rules, l.Type+":"+l.Target
		}
	}
	data, err := json.Marshal([]any{s.Model, s.Rules, rules, targets, s.ProcessorOptions, s.MergeKeys})
	if err != nil {
		return err.Error()
	}
	return string(data)
}
