package store

import "time"

// Flags are facts about an entity row.
type Flags int64

// The flags.
const (
	// Orphan marks an entity that nobody emits any more and that is kept.
	Orphan Flags = 1 << iota
	// Failed marks an entity whose last processing gave nothing usable.
	Failed
	// Provisional marks a body that was stored before the first processing.
	Provisional
	// More marks an entity with further parents in catalog_parent.
	More
	// Volatile marks an entity that is processed on its own time.
	Volatile
)

// Has reports whether all of the flags are set.
func (f Flags) Has(g Flags) bool { return f&g == g }

// Row is everything about one entity.
type Row struct {
	Head
	// Relations is what [EncodeRelations] makes.
	Relations string
	// Body is the last good processed JSON; empty when there never was one.
	Body string
	// Source is the unprocessed JSON; empty when Body will do.
	Source string
	// Parents holds Parent and the further parents. Only [Store.Records],
	// [Store.Entity] and [Tx.Rows] fill it.
	Parents []string
}

// Unprocessed returns what is to be processed again.
func (r *Row) Unprocessed() string {
	if r.Source != "" {
		return r.Source
	}
	return r.Body
}

// Head is the part of an entity row by which decisions are made.
type Head struct {
	Ref         string
	UID         string
	Version     int64
	Flags       Flags
	Parent      string
	LocationKey string
	InputHash   string
	OutputHash  string
	// Problems is a JSON array of status items, or empty.
	Problems     string
	ProblemSince time.Time
	UpdatedAt    time.Time
}

// Valid reports whether there is a good version.
func (h *Head) Valid() bool { return h.Version > 0 }

// Child is an entity as its parent remembers it.
type Child struct {
	Ref         string
	LocationKey string
	InputHash   string
	Flags       Flags
	// Primary is set when the parent is the one whose word counts.
	Primary bool
}

// Op says what a change did.
type Op string

// The operations. The first three make versions.
const (
	OpCreate Op = "create"
	OpUpdate Op = "update"
	OpDelete Op = "delete"
	OpTouch  Op = "touch"
)

// Change is one row of the change log.
type Change struct {
	Seq     int64
	Ref     string
	UID     string
	Version int64
	Op      Op
	At      time.Time
	// Cause is JSON.
	Cause string
	// Previous is the content that an update or a delete replaced.
	Previous string
}

// Lease is the right to process one source, and what is needed for it.
type Lease struct {
	Ref         string
	Fence       int64
	Wish        int64
	Fingerprint string
	Cause       string
	State       []byte
	FinishedAt  time.Time
}

// Claim is a wish for a ref that another location holds.
type Claim struct {
	Ref         string
	Parent      string
	LocationKey string
	Since       time.Time
	// Source is the unprocessed JSON of the entity that waits.
	Source string
}

// Refusal is a document that did not become an entity.
type Refusal struct {
	Source      string
	LocationKey string
	Line        int
	Ref         string
	Code        string
	Message     string
	Since       time.Time
}

// Location is a registered location.
type Location struct {
	ID        string
	Type      string
	Target    string
	EntityRef string
	CreatedBy string
	CreatedAt time.Time
}
