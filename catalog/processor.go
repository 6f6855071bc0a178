package catalog

import "context"

// Processor looks at entities while they are taken in. Implement one or more
// of [PreProcessor], [KindValidator], [LocationReader] and [PostProcessor]
// beside it. Processors run in the order of their priority (default 20, lower
// first, catalog.processorOptions.<name>.priority) and are called from several
// goroutines at once. They must depend on nothing but their arguments and what
// they read through them, so that a second run gives the same result.
type Processor interface {
	// Name is used in configuration and in error messages.
	Name() string
}

// PreProcessor changes an entity before it is checked, for example by filling
// in annotations or placeholders. The entity is the callee's to change.
type PreProcessor interface {
	Processor
	PreProcess(ctx context.Context, e Entity, at Location, emit Emitter) (Entity, error)
}

// KindValidator claims and checks entities of kinds that the configured kinds
// do not cover.
type KindValidator interface {
	Processor
	// ValidateKind reports whether this validator knows the kind, and an error
	// when it does and the entity is wrong.
	ValidateKind(ctx context.Context, e Entity) (claimed bool, err error)
}

// LocationReader reads locations of a type of its own.
type LocationReader interface {
	Processor
	// ReadLocation emits the entities at the location and reports whether the
	// type is one of its own.
	ReadLocation(ctx context.Context, at Location, emit Emitter) (handled bool, err error)
}

// PostProcessor sees an entity after it was checked and may emit relations and
// further entities.
type PostProcessor interface {
	Processor
	PostProcess(ctx context.Context, e Entity, at Location, emit Emitter) (Entity, error)
}

// Emitter collects what a processor gives besides the entity itself. It is
// only valid during the call it was handed to.
type Emitter interface {
	// Entity emits a further entity, found at the location.
	Entity(e Entity, at Location)
	// Relation emits one directed relation.
	Relation(r Relation)
	// Problem records an error of the entity without stopping its processing.
	Problem(err error)
	// RefreshKey says that the entity must be processed again when the key is
	// refreshed, for example because it includes the text of another file.
	RefreshKey(key string)
}
