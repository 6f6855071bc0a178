package service

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/audit"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/permission/internal/rbac"
	"github.com/stagedoor/stagedoor/permission/internal/rbac/store"
	"github.com/stagedoor/stagedoor/permission/internal/registry"
)

// The bounds of a list of plugin ids.
const (
	mostPlugins     = 100
	longestPluginID = 255
)

// configured are the plugin ids that only the configuration takes away: those
// it names, or all there are when it names none.
func (s *Service) configured() []string {
	s.mu.Lock()
	ids := slices.Clone(s.settings.Plugins)
	s.mu.Unlock()
	if len(ids) == 0 {
		for _, p := range s.Registry.Plugins() {
			ids = append(ids, p.ID)
		}
	}
	return ids
}

// pluginIDs are the configured ids and those that were added.
func (s *Service) pluginIDs(added []string) []string {
	ids := append(s.configured(), added...)
	slices.Sort(ids)
	return slices.Compact(ids)
}

// PluginIDs returns the ids of the plugins whose permissions are offered.
func (s *Service) PluginIDs(ctx context.Context) ([]string, error) {
	if _, err := s.may(ctx, rbac.Read); err != nil {
		return nil, err
	}
	return s.pluginIDs(s.added()), nil
}

func (s *Service) added() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.stored.Plugins)
}

// Plugins returns what the offered plugins have defined.
func (s *Service) Plugins(ctx context.Context) ([]registry.Plugin, error) {
	ids, err := s.PluginIDs(ctx)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(s.Registry.Plugins(), func(p registry.Plugin) bool { return !slices.Contains(ids, p.ID) }), nil
}

// checkIDs returns an error with code invalid for ids that cannot be.
func checkIDs(ids []string) error {
	if len(ids) == 0 || len(ids) > mostPlugins {
		return fault.Newf(fault.Invalid, "'ids' must hold 1 to %d plugin IDs", mostPlugins)
	}
	for i, id := range ids {
		switch {
		case strings.TrimSpace(id) == "" || len(id) > longestPluginID || strings.ContainsRune(id, 0):
			return fault.Newf(fault.Invalid, "'ids' must be an array of string plugin ID values of 1 to %d bytes", longestPluginID)
		case slices.Contains(ids[:i], id):
			return fault.Newf(fault.Invalid, "'ids' holds %s twice", id)
		}
	}
	return nil
}

// list renders ids for messages.
func list(ids []string) string {
	raw, err := json.Marshal(ids)
	if err != nil { // texts can be written
		return fmt.Sprint(ids)
	}
	return string(raw)
}

// AddPluginIDs offers the permissions of more plugins, and returns all ids. It
// returns an error with code conflict for ids that are there already.
func (s *Service) AddPluginIDs(ctx context.Context, ids []string) ([]string, error) {
	if _, err := s.mayChange(ctx, rbac.Create); err != nil {
		return nil, err
	}
	if err := checkIDs(ids); err != nil {
		return nil, err
	}
	e := audit.Event{Name: "plugin-ids-write", Meta: map[string]any{"actionType": "create", "ids": ids}}
	err := s.change(ctx, e, func(ctx context.Context, now *store.Stored, tx *store.Tx) error {
		known := s.pluginIDs(now.Plugins)
		if taken := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !slices.Contains(known, id) }); len(taken) > 0 {
			return fault.Newf(fault.Conflict, "Plugin IDs %s already exist in the system. Please use a different set of plugin ids.", list(taken))
		}
		for _, id := range ids {
			if err := tx.AddPlugin(ctx, id); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s.pluginIDs(s.added()), nil
}

// DeletePluginIDs takes back what [Service.AddPluginIDs] did, and returns the
// ids that are left. It returns an error with code forbidden for ids of the
// configuration, and not_found for others.
func (s *Service) DeletePluginIDs(ctx context.Context, ids []string) ([]string, error) {
	if _, err := s.mayChange(ctx, rbac.Delete); err != nil {
		return nil, err
	}
	if err := checkIDs(ids); err != nil {
		return nil, err
	}
	e := audit.Event{Name: "plugin-ids-write", Meta: map[string]any{"actionType": "delete", "ids": ids}}
	err := s.change(ctx, e, func(ctx context.Context, now *store.Stored, tx *store.Tx) error {
		fixed := s.configured()
		if kept := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !slices.Contains(fixed, id) }); len(kept) > 0 {
			return fault.Newf(fault.Forbidden, "Plugin IDs %s can be removed only with help of configuration.", list(kept))
		}
		if missing := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return slices.Contains(now.Plugins, id) }); len(missing) > 0 {
			return fault.Newf(fault.NotFound, "Plugin IDs %s were not found.", list(missing))
		}
		for _, id := range ids {
			if err := tx.DeletePlugin(ctx, id); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s.pluginIDs(s.added()), nil
}

// Refresh asks a provider of roles for them anew. There are none: the error
// has code not_found for who may create roles.
func (s *Service) Refresh(ctx context.Context) error {
	if _, err := s.mayChange(ctx, rbac.Create); err != nil {
		return err
	}
	return fault.New(fault.NotFound, "No RBAC providers were found")
}
