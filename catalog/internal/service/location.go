package service

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/catalog/internal/process"
	"github.com/stagedoor/stagedoor/catalog/internal/service/predicate"
	"github.com/stagedoor/stagedoor/catalog/internal/store"
	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// Location is a registered location.
type Location struct {
	ID        string `json:"id"`
	Type      string `json:"type"`
	Target    string `json:"target"`
	EntityRef string `json:"entityRef"`
}

func location(l store.Location) Location {
	return Location{ID: l.ID, Type: l.Type, Target: l.Target, EntityRef: l.EntityRef}
}

// cause says that the principal in ctx asked for something.
func cause(ctx context.Context, source string) catalog.Cause {
	return catalog.Cause{Kind: "user", Source: source, Actor: identity.FromContext(ctx).Subject}
}

// checkTarget refuses what may not be registered.
func checkTarget(at catalog.Location) error {
	if at.Type != "url" {
		return fault.New(fault.Invalid, `Registered locations must be of an allowed type ["url"]`)
	}
	if strings.HasPrefix(strings.ToLower(strings.TrimSpace(at.Target)), "javascript:") {
		return fault.New(fault.Invalid, "Invalid location target, javascript: URLs are not allowed")
	}
	return nil
}

// NewLocation is a location that was or would be registered.
type NewLocation struct {
	Location Location
	// Entities and Problems are filled by a dry run.
	Entities []catalog.Entity
	Problems []catalog.StatusItem
	Exists   bool
}

// AddLocation registers a location. With refresh a location that is registered
// already is read again and returned; without it is an error with code
// conflict. The location need not be readable.
func (s *Service) AddLocation(ctx context.Context, at catalog.Location, presence string, refresh bool) (NewLocation, error) {
	ctx, end := s.begin(ctx, mutation{
		event: EventLocation, action: "create", target: at.String(),
		meta: map[string]any{"location": map[string]any{"type": at.Type, "target": at.Target}, "isDryRun": false},
	})
	added, err := s.addLocation(ctx, at, presence, refresh)
	return added, end(err)
}

func (s *Service) addLocation(ctx context.Context, at catalog.Location, presence string, refresh bool) (NewLocation, error) {
	if err := s.writable(); err != nil {
		return NewLocation{}, err
	}
	if err := s.require(ctx, LocationCreate); err != nil {
		return NewLocation{}, err
	}
	if err := checkTarget(at); err != nil {
		return NewLocation{}, err
	}
	added, err := s.parts().Engine.AddLocation(ctx, at, presence, cause(ctx, at.String()))
	if err == nil {
		return NewLocation{Location: location(added)}, nil
	}
	if !fault.Is(err, fault.Conflict) || !refresh {
		return NewLocation{}, err
	}
	known, err := s.parts().Engine.LocationAt(ctx, at)
	if err != nil {
		return NewLocation{}, err
	}
	if err := s.parts().Engine.Refresh(ctx, known.EntityRef, cause(ctx, at.String())); err != nil && !fault.Is(err, fault.NotFound) {
		return NewLocation{}, err
	}
	return NewLocation{Location: location(known), Exists: true}, nil
}

// TryLocation reads a location and returns its entities without storing
// anything.
func (s *Service) TryLocation(ctx context.Context, at catalog.Location) (NewLocation, error) {
	settle(ctx)
	if err := s.require(ctx, LocationCreate); err != nil {
		return NewLocation{}, err
	}
	if err := checkTarget(at); err != nil {
		return NewLocation{}, err
	}
	entities, problems, err := s.parts().Pipeline.DryRun(ctx, at)
	if err != nil {
		// Whatever went wrong, it is what the caller named that is wrong.
		return NewLocation{}, fault.Newf(fault.Invalid, "%w", err)
	}
	_, err = s.parts().Engine.LocationAt(ctx, at)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return NewLocation{}, err
	}
	ref := process.LocationEntity(at, "").Ref().String()
	return NewLocation{
		Location: Location{ID: at.String(), Type: at.Type, Target: at.Target, EntityRef: ref},
		Entities: entities, Problems: problems,
		Exists: err == nil,
	}, nil
}

// Locations lists the registered locations; none when the principal in ctx may
// not read them.
func (s *Service) Locations(ctx context.Context) ([]Location, error) {
	if err := s.require(ctx, LocationRead); err != nil {
		if fault.Is(err, fault.Forbidden) {
			return nil, nil
		}
		return nil, err
	}
	all, err := s.parts().Engine.Locations(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]Location, len(all))
	for i, l := range all {
		out[i] = location(l)
	}
	return out, nil
}

// LocationCursor is a place in a list of locations with its query.
type LocationCursor struct {
	Limit   int    `json:"limit"`
	AfterID string `json:"afterId,omitempty"`
	Query   any    `json:"query,omitempty"`
}

// DecodeLocationCursor reads the cursor of a page of locations.
func DecodeLocationCursor(text string) (LocationCursor, error) {
	var c LocationCursor
	var shape map[string]any
	data := decodeBase64(text)
	if json.Unmarshal(data, &shape) != nil {
		return c, fault.New(fault.Invalid, "Malformed cursor, unknown encoding")
	}
	if json.Unmarshal(data, &c) != nil || c.Limit < 1 {
		return c, fault.New(fault.Invalid, "Malformed cursor: Validation error: Expected a limit of at least 1, and afterId and query if any")
	}
	if c.Query != nil {
		if err := predicate.Check(c.Query); err != nil || predicate.TooLarge(c.Query) {
			return c, fault.Newf(fault.Invalid, "Malformed cursor: %v", err)
		}
	}
	return c, nil
}

// Encode renders the cursor for clients.
func (c LocationCursor) Encode() string {
	data, _ := json.Marshal(c) // all fields can be encoded
	return base64.StdEncoding.EncodeToString(data)
}

// LocationPage is a page of registered locations.
type LocationPage struct {
	Items []Location
	Total int
	Next  *LocationCursor
}

// QueryLocations reads a page of the registered locations that match the
// predicate of the cursor, in the order of their ids.
func (s *Service) QueryLocations(ctx context.Context, c LocationCursor) (LocationPage, error) {
	all, err := s.Locations(ctx)
	if err != nil {
		return LocationPage{}, err
	}
	all = slices.DeleteFunc(all, func(l Location) bool {
		return c.Query != nil && !predicate.Matches(c.Query, map[string]string{
			"id": l.ID, "type": l.Type, "target": l.Target, "entityref": l.EntityRef,
		})
	})
	slices.SortFunc(all, func(a, b Location) int { return cmp.Compare(a.ID, b.ID) })
	page := LocationPage{Items: []Location{}, Total: len(all)}
	for _, l := range all {
		if c.AfterID != "" && l.ID <= c.AfterID {
			continue
		}
		if len(page.Items) == c.Limit {
			page.Next = &LocationCursor{Limit: c.Limit, AfterID: page.Items[c.Limit-1].ID, Query: c.Query}
			break
		}
		page.Items = append(page.Items, l)
	}
	return page, nil
}

// Location returns a registered location, or an error with code not_found.
func (s *Service) Location(ctx context.Context, id string) (Location, error) {
	if err := s.require(ctx, LocationRead); err != nil {
		if fault.Is(err, fault.Forbidden) {
			return Location{}, noLocation(id)
		}
		return Location{}, err
	}
	l, err := s.parts().Engine.Location(ctx, id)
	if fault.Is(err, fault.NotFound) {
		return Location{}, noLocation(id)
	}
	return location(l), err
}

func noLocation(id string) error {
	return fault.Newf(fault.NotFound, "Found no location with ID %s", id)
}

// UpdateLocation points a registered location somewhere else; id and entity
// stay. It returns an error with code not_found or conflict.
func (s *Service) UpdateLocation(ctx context.Context, id string, at catalog.Location) (Location, error) {
	ctx, end := s.begin(ctx, mutation{
		event: EventLocation, action: "update", target: id,
		meta: map[string]any{"id": id, "location": map[string]any{"type": at.Type, "target": at.Target}},
	})
	updated, err := s.updateLocation(ctx, id, at)
	return updated, end(err)
}

func (s *Service) updateLocation(ctx context.Context, id string, at catalog.Location) (Location, error) {
	if err := s.writable(); err != nil {
		return Location{}, err
	}
	if err := s.require(ctx, LocationCreate); err != nil {
		return Location{}, err
	}
	if err := checkTarget(at); err != nil {
		return Location{}, err
	}
	l, err := s.parts().Engine.UpdateLocation(ctx, id, at, cause(ctx, at.String()))
	if fault.Is(err, fault.NotFound) {
		return Location{}, noLocation(id)
	}
	return location(l), err
}

// DeleteLocation unregisters a location and removes what only came through it.
func (s *Service) DeleteLocation(ctx context.Context, id string) error {
	ctx, end := s.begin(ctx, mutation{event: EventLocation, action: "delete", target: id, meta: map[string]any{"id": id}})
	return end(s.deleteLocation(ctx, id))
}

func (s *Service) deleteLocation(ctx context.Context, id string) error {
	if err := s.writable(); err != nil {
		return err
	}
	if err := s.require(ctx, LocationDelete); err != nil {
		return err
	}
	err := s.parts().Engine.DeleteLocation(ctx, id, cause(ctx, id))
	if fault.Is(err, fault.NotFound) {
		return noLocation(id)
	}
	return err
}

// LocationOf returns the registered location that the entity came from: the
// one whose own entity is among its ancestors.
func (s *Service) LocationOf(ctx context.Context, ref catalog.Ref) (Location, error) {
	if err := s.require(ctx, LocationRead); err != nil {
		if fault.Is(err, fault.Forbidden) {
			return Location{}, fault.New(fault.NotFound, "")
		}
		return Location{}, err
	}
	snap, id, ok, err := s.lookup(ctx, ref.String())
	if err != nil {
		return Location{}, err
	}
	if !ok {
		return Location{}, fault.Newf(fault.NotFound, "found no entity for ref %s", ref)
	}
	e, err := decodeEntity(snap, id)
	if err != nil {
		return Location{}, err
	}
	origin := e.Annotation(catalog.AnnotationManagedByOriginLocation)
	if origin == "" {
		return Location{}, fault.Newf(fault.NotFound, "found no origin annotation for ref %s", ref)
	}
	kind, target, _ := strings.Cut(origin, ":")
	l, err := s.parts().Engine.LocationAt(ctx, catalog.Location{Type: kind, Target: target})
	if fault.Is(err, fault.NotFound) {
		return Location{}, fault.Newf(fault.NotFound, "Found no location with type %s and target %s", kind, target)
	}
	return location(l), err
}

// Analyze says what stands at a URL and proposes an entity for it.
func (s *Service) Analyze(ctx context.Context, at catalog.Location, fileName string) (process.Analysis, error) {
	if err := s.require(ctx, LocationAnalyze); err != nil {
		return process.Analysis{}, err
	}
	return s.parts().Pipeline.Analyze(ctx, at.Target, fileName)
}

// Validate says what would be wrong with an entity at a url location; nothing
// means that it would be taken.
func (s *Service) Validate(ctx context.Context, e catalog.Entity, at catalog.Location) ([]process.WireError, error) {
	if err := s.require(ctx, EntityValidate); err != nil {
		return nil, err
	}
	return s.parts().Pipeline.ValidateEntity(ctx, e, at), nil
}
