package process

import (
	"context"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/internal/fetch"
)

// Input is one entity to be processed.
type Input struct {
	// Entity is the entity as its parent emitted it, with the two managed-by
	// annotations. Process does not change it, unless Owned is set.
	Entity catalog.Entity
	// Owned hands Entity over: the caller does not look at it again, which
	// saves a copy.
	Owned bool
	// LocationKey is the type:target of the file that the entity stands in.
	LocationKey string
	// Line is where the entity begins in its file, for messages; 0 when it is
	// not known.
	Line int
	// State is what an earlier Process of the same entity returned, or nil.
	State []byte
	// KeepUnchanged says that the caller can leave the children of a single
	// location key as they are ([Result.Kept]), so that files that did not
	// change need not be emitted again because their neighbour did.
	KeepUnchanged bool
}

// Result is what came of one entity.
type Result struct {
	// OK is false when the entity cannot be used: the last good version stays
	// and Problems say why. No child was handed out then.
	OK bool
	// Entity is the processed entity when OK.
	Entity catalog.Entity
	// Relations are what the entity emits, both directions.
	Relations []catalog.Relation
	// Problems are what clients see in status.items. An entity can be OK and
	// still have problems: those of the files that it lists.
	Problems []catalog.StatusItem
	// Refused lists the documents that were left out, for explanations; the
	// first thousand.
	Refused []Refusal
	// RefreshKeys are the keys, such as url:https://… or file:/…, whose refresh
	// must lead to another Process of this entity. Sorted.
	RefreshKeys []string
	// State is to be kept for the next Process of the entity.
	State []byte
	// Revision is the commit of what was read, where it is known.
	Revision string
	// Unchanged is set for a Location of which every target is as it was: no
	// child was handed out and all stay as they are.
	Unchanged bool
	// Kept lists location keys: children of this entity that have one of these
	// keys and were not handed out stay as they are. They stand in files that
	// did not change, could not be read, or hold a document that could not be
	// read, and losing them for that would be worse than keeping them.
	Kept []string
	// KeepAll is set when a target could not be read and it is not known which
	// location keys it had: no child that was not handed out may be removed.
	KeepAll bool
	// Passing is set when something could not be read for a reason that may
	// pass: the host did not answer, or asked to come back later. Process again
	// sooner than usual.
	Passing bool
	// Err is set when the run ended before anything could be said about the
	// entity: the sink returned it, or the context ended. Nothing of the Result
	// but State may be used then.
	Err error
}

// Refusal says why a document of a location did not become an entity.
type Refusal struct {
	// LocationKey is the type:target of the file; Line is where the document
	// begins, or 0.
	LocationKey string
	Line        int
	// Ref is the rendered ref of the entity, where it is known.
	Ref string
	// Code is rule, envelope, syntax, duplicate or unreadable.
	Code string
	// Message is what the problem says.
	Message string
}

// URLReader reads what stands behind URLs; [fetch.Reader] is one.
type URLReader interface {
	Read(ctx context.Context, target string, opts fetch.Options) (fetch.File, error)
	Search(ctx context.Context, target string, opts fetch.Options) ([]fetch.File, error)
	Describe(target string) (fetch.Info, bool)
}
