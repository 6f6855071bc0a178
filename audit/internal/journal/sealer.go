package journal

import (
	"context"
	"sync"
	"time"

	"github.com/stagedoor/stagedoor/audit"
	"github.com/stagedoor/stagedoor/internal/db"
)

const (
	leaseName = "audit-sealer"
	leaseTime = 6 * time.Second
	// retake is the time between attempts to become the sealer.
	retake = 2 * time.Second
	// breath is the least time between two turns of sealing: events that come
	// in a row are sealed together.
	breath = 20 * time.Millisecond
	// lookEvery is the time after which the sealer looks for events that it
	// was not told of.
	lookEvery = 5 * time.Second
	sealBatch = 500
	channel   = "audit_sealer"
)

// Messages between replicas.
const (
	wakeSealer = "seal" // something is to be sealed
	sealerGone = "free" // nobody seals any more
)

// kick says that there is something to be sealed.
func (j *Journal) kick() {
	select {
	case j.kicked <- struct{}{}:
	default:
	}
}

// Run stores noted events in batches and seals what is stored, until ctx ends;
// then it stores and seals what is left. One replica of a deployment seals;
// when it dies another one does. owner names this one.
func (j *Journal) Run(ctx context.Context, owner string) error {
	if err := j.announceKey(ctx); err != nil && ctx.Err() == nil {
		return err
	}
	var wg sync.WaitGroup
	wg.Go(func() { j.runQueue(ctx) })
	if j.DB.Dialect() == db.SQLite {
		// There is one process, and if there were two, the database has them
		// take turns.
		j.seal(ctx)
	} else {
		j.sealInTurn(ctx, owner)
	}
	wg.Wait()
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), storePatience)
	defer cancel()
	j.sealAll(last)
	j.tellHead(last, 0)
	return nil
}

// announceKey records that the log goes on with another key than before.
func (j *Journal) announceKey(ctx context.Context) error {
	key, ok, err := j.Store.HeadKey(ctx)
	if err != nil || ok && key == j.Store.Key() || !ok && j.Store.Key() == "" {
		return err
	}
	return j.For("audit").Record(ctx, audit.Event{
		Name: "key-change", Severity: audit.Critical, Meta: map[string]any{"from": key, "to": j.Store.Key()},
	})
}

// seal seals whatever comes until ctx ends.
func (j *Journal) seal(ctx context.Context) {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	var heads <-chan time.Time
	if j.HeadEvery > 0 {
		tick := time.NewTicker(j.HeadEvery)
		defer tick.Stop()
		heads = tick.C
	}
	j.sealAll(ctx)
	told := j.tellHead(ctx, 0)
	for {
		select {
		case <-ctx.Done():
			return
		case <-j.kicked:
		case <-j.heard:
		case <-look.C:
			if n, err := j.Store.Pending(ctx); err == nil && n == 0 {
				continue
			}
		case <-heads:
			told = j.tellHead(ctx, told)
			continue
		}
		j.sealAll(ctx)
		select {
		case <-ctx.Done():
			return
		case <-time.After(breath):
		}
	}
}

// sealAll seals everything there is. Errors are logged; what is not sealed
// stays and is tried again.
func (j *Journal) sealAll(ctx context.Context) {
	for {
		n, err := j.Store.Seal(ctx, sealBatch)
		if err != nil {
			if ctx.Err() == nil {
				j.Logger.ErrorContext(ctx, "audit events are not sealed", "error", err)
			}
			return
		}
		if n < sealBatch {
			return
		}
	}
}

// tellHead writes the end of the chain to the log of the process, unless it is
// the one that was told already, so that a log that is cut off later shows.
func (j *Journal) tellHead(ctx context.Context, told int64) int64 {
	if j.HeadEvery <= 0 {
		return told
	}
	seq, hash, err := j.Store.Head(ctx)
	if err != nil || seq == 0 || seq == told {
		return told
	}
	j.Logger.InfoContext(ctx, "audit log head", "seq", seq, "hash", hash)
	return seq
}

// sealInTurn seals while this replica is the one that does, and tells that one
// of new events otherwise.
func (j *Journal) sealInTurn(ctx context.Context, owner string) {
	free := make(chan struct{}, 1)
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		err := j.DB.Listen(ctx, channel, func(message string) {
			select {
			case j.heard <- struct{}{}:
			default:
			}
			if message == sealerGone {
				select {
				case free <- struct{}{}:
				default:
				}
			}
		})
		if err != nil {
			j.Logger.ErrorContext(ctx, "listening for audit events ended", "error", err)
		}
	})
	leases := db.NewLeases(j.DB, j.Clock)
	for ctx.Err() == nil {
		held, err := leases.Hold(ctx, leaseName, owner, leaseTime, func(ctx context.Context, _ int64) error {
			j.seal(ctx)
			return nil
		})
		if err != nil && ctx.Err() == nil {
			j.Logger.WarnContext(ctx, "this replica no longer seals audit events", "error", err)
		}
		if held {
			j.tell(context.WithoutCancel(ctx), sealerGone)
		}
		j.passOn(ctx, free)
	}
}

// passOn tells the sealer of new events until it is time to try to become it.
func (j *Journal) passOn(ctx context.Context, free <-chan struct{}) {
	again := time.NewTimer(retake)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-again.C:
			return
		case <-free:
			return
		case <-j.heard: // meant for the sealer
		case <-j.kicked:
			j.tell(ctx, wakeSealer)
		}
	}
}

// tell sends a message to all replicas.
func (j *Journal) tell(ctx context.Context, message string) {
	sending, cancel := context.WithTimeout(ctx, storePatience)
	defer cancel()
	err := j.DB.Write(sending, func(ctx context.Context, tx *db.Tx) error { return j.DB.Notify(ctx, tx, channel, message) })
	if err != nil && ctx.Err() == nil {
		j.Logger.WarnContext(ctx, "the sealer of audit events is not told of new ones", "error", err)
	}
}
