package process

import (
	"context"
	"fmt"
	"strings"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/catalog/internal/model"
)

// ValidateEntity answers POST /validate-entity: what would be wrong with the
// entity if it stood at the location. No error means that it would be taken.
// A Location is read too, as in Backstage. Only url locations are allowed,
// because the caller chooses them.
func (p *Pipeline) ValidateEntity(ctx context.Context, e catalog.Entity, at catalog.Location) []WireError {
	if err := p.model.CheckShape(e); err != nil {
		return []WireError{wire(err)}
	}
	if at.Type != "url" {
		return []WireError{{Name: "TypeError", Message: "Invalid location ref " + at.String() +
			", only 'url:<target>' is supported, e.g. url:https://host/path"}}
	}
	e = e.Clone()
	// Whoever validates must not make the server read its own files by giving
	// the entity another location than the one that was checked.
	manage(e, at.String(), at.String())
	got := p.Process(ctx, Input{Entity: e, LocationKey: at.String()}, nil)
	if got.Err != nil {
		return []WireError{wire(got.Err)}
	}
	var out []WireError
	for _, item := range got.Problems {
		if item.Error != nil {
			out = append(out, *item.Error)
		}
	}
	return out
}

// maxDryRun bounds what one dry run processes.
const maxDryRun = 20_000

// DryRun processes a location and all that follows from it, without storing
// anything: the answer of POST /locations?dryRun=true. Problems of parts that
// would be left out come beside the entities; in strict mode, and when the
// location itself cannot be used at all, they are the error, which has code
// invalid.
func (p *Pipeline) DryRun(ctx context.Context, at catalog.Location) ([]catalog.Entity, []catalog.StatusItem, error) {
	todo := []Input{{Entity: LocationEntity(at, ""), LocationKey: at.String()}}
	var entities []catalog.Entity
	var problems []catalog.StatusItem
	seen := map[string]bool{}
	for len(todo) > 0 {
		in := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		got := p.Process(ctx, in, func(d catalog.Deferred) error {
			if len(todo)+len(entities) > maxDryRun {
				return inputError(fmt.Sprintf("the location leads to more than %d entities", maxDryRun))
			}
			todo = append(todo, Input{Entity: d.Entity, Owned: true, LocationKey: d.LocationKey, Line: d.Line})
			return nil
		})
		if got.Err != nil {
			return nil, nil, got.Err
		}
		if !got.OK && (p.strict || len(entities) == 0) {
			return nil, nil, joined(got.Problems)
		}
		problems = append(problems, got.Problems...)
		if !got.OK {
			continue
		}
		ref := got.Entity.Ref().String()
		if seen[ref] {
			err := plainError("Duplicate nested entity: "+ref, nil)
			if p.strict {
				return nil, nil, err
			}
			problems = append(problems, status(err))
			continue
		}
		seen[ref] = true
		entities = append(entities, got.Entity)
	}
	if len(entities) == 1 && len(problems) > 0 {
		return nil, nil, joined(problems)
	}
	return entities, problems, nil
}

// joined makes one error of several, as Backstage does.
func joined(problems []catalog.StatusItem) error {
	texts := make([]string, len(problems))
	for i, item := range problems {
		texts[i] = item.Message
	}
	return model.NewError("InputError", strings.Join(texts, ", "))
}
