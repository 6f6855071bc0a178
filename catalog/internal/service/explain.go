package service

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/catalog/internal/index"
	"github.com/stagedoor/stagedoor/catalog/internal/ingest"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// Explanation is what the catalog knows about a ref or a target, and one
// sentence about it for people.
type Explanation struct {
	ingest.Explanation
	Message string `json:"message"`
}

// Explain says why an entity is there or not, or what became of a target. The
// subject is a ref, a URL or a type:target. It needs catalog.location.read;
// an entity that the principal in ctx may not read is unknown.
func (s *Service) Explain(ctx context.Context, subject string) (Explanation, error) {
	if err := s.require(ctx, LocationRead); err != nil {
		return Explanation{}, err
	}
	if subject = strings.TrimSpace(subject); subject == "" {
		return Explanation{}, fault.New(fault.Invalid, "name what shall be explained: entityRef or target")
	}
	x, err := s.parts().Engine.Explain(ctx, subject)
	if err != nil {
		return Explanation{}, err
	}
	sc, err := s.reading(ctx)
	if err != nil {
		return Explanation{}, err
	}
	if sc.denied || sc.filter != nil {
		x = s.hide(x, sc)
	}
	return Explanation{Explanation: x, Message: verdictText(x)}, nil
}

// hide leaves out of an explanation what is said of entities outside the
// scope. Documents and claims that never became entities stay: they are about
// places, which who asks may read.
func (s *Service) hide(x ingest.Explanation, sc scope) ingest.Explanation {
	snap := s.deps.Index.Snapshot()
	hidden := func(ref string) bool {
		id, ok := snap.Lookup(ref)
		return ok && !sc.visible(snap, id)
	}
	if _, ok := snap.Lookup(x.Subject); hidden(x.Subject) || x.Entity != nil && !ok {
		return ingest.Explanation{Subject: x.Subject, Verdict: "unknown"}
	}
	x.Sources = slices.DeleteFunc(x.Sources, func(e ingest.ExplainedEntity) bool { return hidden(e.EntityRef) })
	for i := range x.Sources {
		x.Sources[i].Parents = slices.DeleteFunc(x.Sources[i].Parents, hidden)
	}
	if x.Entity != nil {
		x.Entity.Parents = slices.DeleteFunc(x.Entity.Parents, hidden)
	}
	x.Conflicts = slices.DeleteFunc(x.Conflicts, func(c ingest.Conflict) bool { return hidden(c.EntityRef) })
	x.Refused = slices.DeleteFunc(x.Refused, func(r ingest.Refused) bool { return hidden(r.EntityRef) })
	if x.Entity == nil && x.Verdict == "location" && x.Children > 0 {
		x.Children = s.childrenWithin(snap, sc, x.Subject)
	}
	return x
}

// childrenWithin counts the entities that a target emits and the scope keeps.
func (s *Service) childrenWithin(snap *index.Snapshot, sc scope, target string) int {
	if sc.denied {
		return 0
	}
	n := 0
	for it := snap.Eval(sc.filter).Iterator(); it.HasNext(); {
		kind, at, _ := strings.Cut(snap.LocationKey(it.Next()), ":")
		if at == target || kind+":"+at == target {
			n++
		}
	}
	return n
}

func verdictText(x ingest.Explanation) string {
	switch x.Verdict {
	case "present":
		switch {
		case x.Entity != nil && x.Entity.Orphan:
			return x.Subject + " is in the catalog, but no location lists it any more."
		case x.Entity != nil && len(x.Entity.Problems) > 0:
			return x.Subject + " is in the catalog with its last good content: " + x.Entity.Problems[0].Message
		}
		return x.Subject + " is in the catalog."
	case "invalid":
		if x.Entity != nil && len(x.Entity.Problems) > 0 {
			return x.Subject + " was read and never was valid: " + x.Entity.Problems[0].Message
		}
		return x.Subject + " was read and never was valid."
	case "pending":
		return x.Subject + " was found and waits to be processed."
	case "refused":
		return x.Subject + " was left out: " + place(x.Refused[0]) + x.Refused[0].Message
	case "conflict":
		return fmt.Sprintf("%s is claimed by %s and waits for its ref to become free.", x.Subject, x.Conflicts[0].LocationKey)
	case "location":
		return locationText(x)
	}
	return "Nothing that the catalog reads mentions " + x.Subject + "."
}

func locationText(x ingest.Explanation) string {
	text := fmt.Sprintf("%s is read and brings %d entities", x.Subject, x.Children)
	for _, source := range x.Sources {
		if len(source.Problems) > 0 {
			return text + "; reading it has a problem: " + source.Problems[0].Message
		}
	}
	if n := len(x.Refused); n > 0 {
		text += fmt.Sprintf("; %d documents were left out", n)
	}
	if n := len(x.Conflicts); n > 0 {
		text += fmt.Sprintf("; %d refs belong to other locations", n)
	}
	return text + "."
}

// place renders where a refused document stands.
func place(r ingest.Refused) string {
	if r.Line > 0 {
		return fmt.Sprintf("%s line %d: ", r.LocationKey, r.Line)
	}
	if r.LocationKey != "" {
		return r.LocationKey + ": "
	}
	return ""
}

// Unprocessed is a document that is not, or not fully, processed, in the shape
// that clients of the unprocessed-entities module know.
type Unprocessed struct {
	EntityID          string               `json:"entity_id"`
	EntityRef         string               `json:"entity_ref"`
	UnprocessedEntity json.RawMessage      `json:"unprocessed_entity"`
	ProcessedEntity   json.RawMessage      `json:"processed_entity,omitempty"`
	Errors            []catalog.StatusItem `json:"errors,omitempty"`
	LocationKey       string               `json:"location_key"`
	LastDiscoveryAt   *time.Time           `json:"last_discovery_at,omitempty"`
}

// Unprocessed lists documents that never became an entity (failed) or wait to
// be processed, of one spec.owner when it is not empty.
func (s *Service) Unprocessed(ctx context.Context, failed bool, owner string) ([]Unprocessed, error) {
	if err := s.require(ctx, UnprocessedRead); err != nil {
		return nil, err
	}
	list, err := s.parts().Engine.Unprocessed(ctx, failed)
	if err != nil {
		return nil, err
	}
	out := []Unprocessed{}
	for _, u := range list {
		if failed && u.Processed != nil && s.deps.Strict {
			continue
		}
		if owner != "" {
			var e catalog.Entity
			if json.Unmarshal(u.Unprocessed, &e) != nil || e.SpecString("owner") != owner {
				continue
			}
		}
		item := Unprocessed{
			EntityID: u.UID, EntityRef: u.EntityRef, UnprocessedEntity: u.Unprocessed, ProcessedEntity: u.Processed,
			Errors: u.Errors, LocationKey: u.LocationKey,
		}
		if !u.Since.IsZero() {
			item.LastDiscoveryAt = &u.Since
		}
		out = append(out, item)
	}
	return out, nil
}

// DeleteUnprocessed removes a document that did not become an entity. Unknown
// ids are fine.
func (s *Service) DeleteUnprocessed(ctx context.Context, id string) error {
	ctx, end := s.begin(ctx, mutation{event: EventEntity, action: "delete-unprocessed", target: id, meta: map[string]any{"uid": id}})
	return end(s.deleteUnprocessed(ctx, id))
}

func (s *Service) deleteUnprocessed(ctx context.Context, id string) error {
	if err := s.require(ctx, UnprocessedDelete); err != nil {
		if fault.Is(err, fault.Forbidden) {
			return fault.New(fault.Forbidden, "Unauthorized")
		}
		return err
	}
	for _, failed := range []bool{true, false} {
		list, err := s.parts().Engine.Unprocessed(ctx, failed)
		if err != nil {
			return err
		}
		for _, u := range list {
			if u.UID == id {
				return s.parts().Engine.DeleteEntity(ctx, u.EntityRef, u.UID, cause(ctx, ""))
			}
		}
	}
	return nil
}

// Problems is what an operator should look at: documents that were left out,
// of all sources. It needs catalog.ingestion.read.
func (s *Service) Problems(ctx context.Context) ([]ingest.Refused, error) {
	if err := s.require(ctx, IngestionRead); err != nil {
		return nil, err
	}
	return s.parts().Engine.Refusals(ctx)
}
