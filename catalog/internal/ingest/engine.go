package ingest

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/catalog/internal/index"
	"github.com/stagedoor/stagedoor/catalog/internal/process"
	"github.com/stagedoor/stagedoor/catalog/internal/store"
)

// Pipeline processes one entity. [process.Pipeline] is the one that counts.
type Pipeline interface {
	Process(ctx context.Context, in process.Input, sink func(catalog.Deferred) error) process.Result
	// Fingerprint changes when the same input may give another result.
	Fingerprint() string
}

// Sink is the read model. [index.Index] is the one that counts.
type Sink interface {
	// LoadAt replaces everything by a state that includes the changes up to seq.
	LoadAt(seq int64, each func(yield func(index.Record) bool) error) error
	// Apply takes in changes, in their order, and returns when they are visible.
	Apply(updates []index.Update)
}

// Orphan strategies: what happens to entities that their location no longer
// lists.
const (
	OrphansDelete = "delete"
	OrphansKeep   = "keep"
)

// Deps is what an [Engine] is made of. Store, Pipeline, Sink, Clock and NewID
// are required.
type Deps struct {
	Store    *store.Store
	Pipeline Pipeline
	Sink     Sink
	Clock    func() time.Time
	// NewID makes random ids: of entities, registered locations and replicas.
	NewID  func() string
	Logger *slog.Logger
	// Interval gives the time until a source is read again, a fresh random
	// one with every call; see [Every]. Negative means never by itself. Nil is
	// Every(100 s).
	Interval func() time.Duration
	// OrphanStrategy is OrphansDelete, also when empty, or OrphansKeep.
	OrphanStrategy string
	// Strict hides registered locations until they were processed.
	Strict bool
	// Workers bounds the units in work at a time; 0 means four per processor.
	Workers int
	// Poll is the time between looks at what is due or was changed by others,
	// for when no signal comes; 0 means a second.
	Poll time.Duration
	// Lease is the time after which another replica may take over the units
	// of one that gives no sign of life; 0 means 8 seconds.
	Lease time.Duration
	// Watch makes changes of local files known at once; without it they are
	// found when the file is read again.
	Watch bool
	// Retention bounds the history; the zero value is [DefaultRetention].
	Retention store.Retention
}

// DefaultRetention keeps the last 100 versions of an entity for a year, and
// changes of the status for a day.
var DefaultRetention = store.Retention{Versions: 100, Age: 365 * 24 * time.Hour, Touches: 24 * time.Hour}

// Every returns an Interval of n to 1.5 n at random, so that sources which
// were read together drift apart. Zero or less means never.
func Every(n time.Duration) func() time.Duration {
	if n <= 0 {
		return func() time.Duration { return -1 }
	}
	return func() time.Duration { return n + time.Duration(rand.Int64N(int64(n)/2+1)) }
}

// Engine takes entities in. Its methods are safe for concurrent use; those
// that change something return when the change is durable and readable in this
// replica's read model. They work before and beside [Engine.Run], which does
// the reading of sources.
type Engine struct {
	deps        Deps
	store       *store.Store
	log         *slog.Logger
	owner       string // of leases
	fingerprint string
	applier     applier
	watcher     *watcher
	slots       chan struct{} // units in work
	cpus        chan struct{} // entities in work
	jobs        chan *job     // for the writer
	wake        chan struct{} // something may be due

	mu       sync.Mutex // held from the begin of a write until its updates are queued
	followed int64      // the read model has or will have every change up to it
	loaded   bool

	state struct {
		sync.Mutex
		active    int // units in work, and file events not yet turned into wishes
		running   map[string]struct{}
		abandoned []*store.Lease
		bell      chan struct{} // closed and replaced when anything moves
		errors    []LoggedError
		units     int64
		retries   map[string]int // failures in a row of sources that may soon be readable
	}
	idleOnce sync.Once
	idle     chan struct{}
	ready    chan struct{} // closed when Run has looked what is due
}

// New returns an engine. It touches nothing until a method is called.
func New(deps Deps) *Engine {
	if deps.Logger == nil {
		deps.Logger = slog.New(slog.DiscardHandler)
	}
	if deps.Interval == nil {
		deps.Interval = Every(100 * time.Second)
	}
	if deps.Workers <= 0 {
		deps.Workers = 4 * runtime.GOMAXPROCS(0)
	}
	if deps.Poll <= 0 {
		deps.Poll = time.Second
	}
	if deps.Lease <= 0 {
		deps.Lease = 8 * time.Second
	}
	if deps.Retention == (store.Retention{}) {
		deps.Retention = DefaultRetention
	}
	g := &Engine{
		deps:        deps,
		store:       deps.Store,
		log:         deps.Logger,
		owner:       deps.NewID(),
		fingerprint: deps.Pipeline.Fingerprint(),
		slots:       make(chan struct{}, deps.Workers),
		cpus:        make(chan struct{}, max(2, runtime.GOMAXPROCS(0))),
		jobs:        make(chan *job, 32),
		wake:        make(chan struct{}, 1),
		idle:        make(chan struct{}),
		ready:       make(chan struct{}),
		watcher:     newWatcher(),
	}
	g.applier.sink = deps.Sink
	g.applier.more = make(chan struct{}, 1)
	g.state.running = map[string]struct{}{}
	g.state.bell = make(chan struct{})
	return g
}

// Load fills the read model from the database. The first change does so, and
// Run; who needs the read model earlier calls it before.
func (g *Engine) Load(ctx context.Context) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.loaded { // an earlier write has needed it
		return nil
	}
	return g.load(ctx)
}

// load needs g.mu.
func (g *Engine) load(ctx context.Context) error {
	seq, err := g.store.LastSeq(ctx)
	if err != nil {
		return err
	}
	g.applier.drop() // the state that is loaded has it
	err = g.deps.Sink.LoadAt(seq, func(yield func(index.Record) bool) error {
		return g.store.Records(ctx, func(r store.Row) bool { return yield(record(&r)) })
	})
	if err != nil {
		return fmt.Errorf("load the read model: %w", err)
	}
	g.followed, g.loaded = seq, true
	return nil
}

// Run reads sources when they are due, follows the changes of other replicas
// and watches files, until ctx ends. It returns when all its goroutines have
// ended, with an error if something went wrong that trying again does not mend.
func (g *Engine) Run(ctx context.Context) error {
	if err := g.prepare(ctx); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	close(g.ready)
	eg, ctx := errgroup.WithContext(ctx)
	actors := []func(context.Context) error{g.runQueue, g.runWriter, g.runApplier, g.runHeartbeat, g.runTrim}
	if g.store.Shared() {
		actors = append(actors, g.runFollower, g.listenDue)
	}
	if g.deps.Watch {
		actors = append(actors, g.runWatch)
	}
	for _, actor := range actors {
		eg.Go(func() error { return actor(ctx) })
	}
	err := eg.Wait()
	// What was in work is free for others at once, not only when the lease ends.
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if rerr := g.store.Release(closing, g.owner); rerr != nil {
		g.log.WarnContext(closing, "leases were not released", "error", rerr)
	}
	g.applier.flush()
	return err
}

func (g *Engine) prepare(ctx context.Context) error {
	if !g.store.Shared() {
		// Nobody else can be at work: what is leased belongs to a dead process.
		if err := g.store.Release(ctx, ""); err != nil {
			return err
		}
	}
	files, err := g.store.FileSources(ctx)
	if err != nil {
		return err
	}
	return g.write(ctx, func(ctx context.Context, b *batch) error {
		if err := b.tx.DueOthers(ctx, g.fingerprint); err != nil {
			return err
		}
		// Files may have changed while nobody watched them.
		_, err := b.tx.EnqueueKnown(ctx, files, "")
		return err
	})
}

// runQueue starts a unit for every source that is due.
func (g *Engine) runQueue(ctx context.Context) error {
	var units sync.WaitGroup
	defer units.Wait()
	tick := time.NewTicker(g.deps.Poll)
	defer tick.Stop()
	for {
		free := cap(g.slots) - len(g.slots)
		var leases []store.Lease
		if free > 0 {
			var err error
			leases, err = g.store.Lease(ctx, g.owner, free, g.deps.Clock(), g.deps.Lease)
			if err != nil && ctx.Err() == nil {
				g.fail(ctx, "look for due sources", err)
			}
		}
		for i := range leases {
			g.slots <- struct{}{} // only this goroutine adds, so there is room
			g.begin(leases[i].Ref)
			units.Go(func() {
				defer func() {
					<-g.slots
					g.end(leases[i].Ref)
					g.signal()
				}()
				g.runUnit(ctx, &leases[i])
			})
		}
		if len(leases) == 0 {
			g.checkIdle(ctx)
			select {
			case <-ctx.Done():
				return nil
			case <-g.wake:
			case <-tick.C:
			}
		}
	}
}

// signal wakes the queue.
func (g *Engine) signal() {
	select {
	case g.wake <- struct{}{}:
	default:
	}
}

func (g *Engine) listenDue(ctx context.Context) error {
	return g.store.DB().Listen(ctx, store.ChannelDue, func(string) { g.signal() })
}

// runHeartbeat keeps the leases of living units, and gives back those that
// could not be ended properly.
func (g *Engine) runHeartbeat(ctx context.Context) error {
	tick := time.NewTicker(g.deps.Lease / 4)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		g.state.Lock()
		busy, abandoned := len(g.state.running) > 0, g.state.abandoned
		g.state.abandoned = nil
		g.state.Unlock()
		if busy {
			if err := g.store.Heartbeat(ctx, g.owner, g.deps.Clock(), g.deps.Lease); err != nil && ctx.Err() == nil {
				g.fail(ctx, "extend leases", err)
			}
		}
		for _, l := range abandoned {
			if err := g.store.Abandon(ctx, l); err != nil && ctx.Err() == nil {
				g.abandon(l)
			}
		}
	}
}

func (g *Engine) abandon(l *store.Lease) {
	g.state.Lock()
	defer g.state.Unlock()
	g.state.abandoned = append(g.state.abandoned, l)
}

// runTrim shortens the history now and then.
func (g *Engine) runTrim(ctx context.Context) error {
	tick := time.NewTicker(time.Hour)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			if err := g.Trim(ctx); err != nil && ctx.Err() == nil {
				g.fail(ctx, "trim the history", err)
			}
		}
	}
}

// Trim removes what the retention of the history does not keep.
func (g *Engine) Trim(ctx context.Context) error {
	return g.write(ctx, func(ctx context.Context, b *batch) error {
		_, err := b.tx.Trim(ctx, g.deps.Retention, g.deps.Clock())
		return err
	})
}
