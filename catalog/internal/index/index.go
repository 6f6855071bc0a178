package index

import (
	"context"
	"fmt"
	"hash/maphash"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/stagedoor/stagedoor/catalog"
)

// Record is one entity as ingestion hands it over.
type Record struct {
	// Ref is the rendered ref, in lower case.
	Ref string
	// UID is the id that the catalog gave.
	UID string
	// JSON is the entity without metadata.uid, relations and status, with the
	// metadata first. An etag in it is the author's and stays. The index keeps
	// a copy.
	JSON []byte
	// Relations are those that this entity emits, for both of their ends.
	Relations []catalog.Relation
	// Status are the problems of the last processing; usually nil.
	Status []catalog.StatusItem
	// Parents are the refs of the entities this one comes from, or
	// "provider:<name>" or "push:<source>".
	Parents []string
	// Orphan says that nothing refers to the entity any more.
	Orphan bool
	// Version is the number of this version in the entity's history.
	Version int64
	// LocationKey says which location claims the entity.
	LocationKey string
}

// Update is one change: a new or changed entity, or a removed one.
type Update struct {
	// Seq is the number of the change in the change log. An update that is
	// older than what the index knows of the entity has no effect.
	Seq int64
	// Ref is the rendered ref.
	Ref string
	// Record is the entity; nil when it was removed.
	Record *Record
}

// Options are the settings of an [Index].
type Options struct {
	// Strict answers as Backstage does where the default is better: only the
	// first sort field counts and entities without it are left out, % and _
	// are wildcards in a text filter, and a text filter without fields and
	// without order searches metadata.uid.
	Strict bool
	// Logger hears of records that cannot be indexed. Nil is slog.Default.
	Logger *slog.Logger
}

// Index is the read model. Reading goes through [Index.Snapshot]; one writer
// at a time changes it by [Index.Load] and [Index.Apply]. All methods are safe
// for concurrent use.
type Index struct {
	opts Options
	snap atomic.Pointer[Snapshot]

	mu sync.Mutex // held while writing
	w  *writer

	subMu sync.Mutex
	subs  map[int]func([]catalog.Change)
	subID int
}

// New returns an empty index.
func New(opts Options) *Index {
	if opts.Logger == nil {
		opts.Logger = slog.Default()
	}
	x := &Index{opts: opts, subs: map[int]func([]catalog.Change){}}
	x.w = newWriter(opts, maphash.MakeSeed(), 0)
	x.snap.Store(x.w.publish())
	return x
}

// Snapshot returns the present state. It never waits, and what it returns
// stays as it is for as long as it is held.
func (x *Index) Snapshot() *Snapshot { return x.snap.Load() }

// Load replaces everything by the records that each yields, and returns when
// they are visible. It returns the error of each, or an error when a record is
// not well-formed JSON; nothing is replaced then. A record is only read until
// yield returns. Subscribers are not told.
func (x *Index) Load(each func(yield func(Record) bool) error) error {
	return x.LoadAt(0, each)
}

// LoadAt is [Index.Load] of a state that includes the changes up to seq.
func (x *Index) LoadAt(seq int64, each func(yield func(Record) bool) error) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	w := newWriter(x.opts, maphash.MakeSeed(), 1<<14)
	w.seq = seq
	if err := w.load(each); err != nil {
		return fmt.Errorf("load the read model: %w", err)
	}
	x.w = w
	x.snap.Store(w.publish())
	return nil
}

// Apply takes in the updates, in their order, and returns when they are
// visible and every subscriber was told. Entities of which only the relations
// changed, because of a neighbour, count as changed too. A record that is not
// well-formed JSON is logged and has no effect.
func (x *Index) Apply(updates []Update) {
	if len(updates) == 0 {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	changes := x.w.apply(updates)
	x.snap.Store(x.w.publish())
	if x.w.wasteful() {
		if w, err := x.w.rebuild(); err != nil {
			x.opts.logBad("", err)
		} else {
			x.w = w
			x.snap.Store(w.publish())
		}
	}
	if len(changes) == 0 {
		return
	}
	for _, fn := range x.subscribers() {
		fn(changes)
	}
}

// Subscribe calls fn with every batch of changes after it is visible, from one
// goroutine at a time, until cancel is called. fn must not block and must not
// call Apply or Load. The slice is shared between subscribers.
func (x *Index) Subscribe(fn func([]catalog.Change)) (cancel func()) {
	x.subMu.Lock()
	defer x.subMu.Unlock()
	x.subID++
	id := x.subID
	x.subs[id] = fn
	return func() {
		x.subMu.Lock()
		defer x.subMu.Unlock()
		delete(x.subs, id)
	}
}

func (x *Index) subscribers() []func([]catalog.Change) {
	x.subMu.Lock()
	defer x.subMu.Unlock()
	fns := make([]func([]catalog.Change), 0, len(x.subs))
	for _, fn := range x.subs {
		fns = append(fns, fn)
	}
	return fns
}

func (o Options) logBad(ref string, err error) {
	o.Logger.LogAttrs(context.Background(), slog.LevelError, "entity is not indexed",
		slog.String("entity", ref), slog.Any("error", err))
}
