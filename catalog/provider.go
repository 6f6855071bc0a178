package catalog

import "context"

// Provider brings a set of entities into the catalog under its own name: a
// discovery of a forge's repositories, an organisation's people, a company's
// own inventory. The catalog calls; plugins implement. Configuration switches
// one off with catalog.providerOptions.<name>.disabled.
type Provider interface {
	// Name identifies the provider and its set of entities. It must not change
	// between starts: entities of names that no longer exist are removed.
	Name() string
	// Connect hands the provider its connection, once, before the catalog
	// starts. The provider keeps it and uses it from its own scheduled task.
	Connect(ctx context.Context, conn Connection) error
}

// Connection is the way in for one [Provider]. Methods are safe for concurrent
// use and return when the mutation is durable.
type Connection interface {
	// Apply changes the provider's set of entities. It returns an error with
	// code invalid when an entity has no kind or name; nothing is stored then.
	Apply(ctx context.Context, m Mutation) error
	// Refresh asks that entities with one of the refresh keys, and the
	// locations they came from, are processed again now.
	Refresh(ctx context.Context, keys []string) error
}

// Mutation changes a provider's set. A full mutation replaces the set with
// Added; a delta adds or replaces Added and takes out Removed.
type Mutation struct {
	Full    bool
	Added   []Deferred
	Removed []Deferred
	// Cause says, for the history, why this happened.
	Cause Cause
}

// Deferred is an entity on its way in. LocationKey says which location claims
// the entity: of two with different keys the first keeps it. An empty key can
// be taken over by anybody.
type Deferred struct {
	Entity      Entity
	LocationKey string
	// Line is where the entity begins in its file, for messages; 0 when it is
	// not known.
	Line int
}

// Cause says why an entity changed. All fields may be empty.
type Cause struct {
	// Kind is what moved: location, provider, push, user, webhook or config.
	Kind string `json:"kind"`
	// Source names it: a location ref, a provider's name, a push source.
	Source string `json:"source,omitempty"`
	// Commit is the revision of the source, where it is known.
	Commit string `json:"commit,omitempty"`
	// Actor is the user or service that asked.
	Actor string `json:"actor,omitempty"`
}
