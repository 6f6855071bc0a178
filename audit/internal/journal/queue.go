package journal

import (
	"context"
	"sync"
	"time"

	"github.com/stagedoor/stagedoor/audit"
	"github.com/stagedoor/stagedoor/audit/internal/chain"
	"github.com/stagedoor/stagedoor/internal/db"
)

// The bounds of the queue of noted events.
const (
	queueSize = 1024
	batchSize = 256
	// gather is how long a batch waits for more.
	gather = 20 * time.Millisecond
	// queueWait is how long a full queue is waited for.
	queueWait = 50 * time.Millisecond
)

// queue holds noted events until they are stored.
type queue struct {
	mu      sync.RWMutex // held for reading while something is put in
	open    bool
	entries chan chain.Entry
}

// Note implements audit.Log. When the queue is full, or nobody empties it, it
// stores the event itself, so that nothing is lost.
func (l *Log) Note(ctx context.Context, e audit.Event) {
	j := l.j
	entry, err := l.entry(ctx, e)
	if err != nil {
		j.Logger.ErrorContext(ctx, "an audit event is not usable", "error", err)
		return
	}
	j.line(ctx, &entry, string(entry.Event.Status))
	if j.queue.put(entry) {
		return
	}
	storing, cancel := context.WithTimeout(context.WithoutCancel(ctx), storePatience)
	defer cancel()
	j.storeNoted(storing, []chain.Entry{entry}, 1)
}

// put reports whether the queue took the entry.
func (q *queue) put(e chain.Entry) bool {
	q.mu.RLock()
	defer q.mu.RUnlock()
	if !q.open {
		return false
	}
	select {
	case q.entries <- e:
		return true
	default:
	}
	timer := time.NewTimer(queueWait)
	defer timer.Stop()
	select {
	case q.entries <- e:
		return true
	case <-timer.C:
		return false
	}
}

func (q *queue) setOpen(open bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.open = open
}

// runQueue stores noted events until ctx ends, and then those that are left.
func (j *Journal) runQueue(ctx context.Context) {
	j.queue.setOpen(true)
	defer j.drain(ctx)
	defer j.queue.setOpen(false)
	timer := time.NewTimer(gather)
	defer timer.Stop()
	for {
		var batch []chain.Entry
		select {
		case <-ctx.Done():
			return
		case e := <-j.queue.entries:
			batch = append(batch, e)
		}
		timer.Reset(gather)
	more:
		for len(batch) < batchSize {
			select {
			case e := <-j.queue.entries:
				batch = append(batch, e)
			case <-timer.C:
				break more
			case <-ctx.Done():
				break more
			}
		}
		// Not even the end of the portal takes this batch away.
		storing, cancel := context.WithTimeout(context.WithoutCancel(ctx), storePatience)
		const attempts = 5
		j.storeNoted(storing, batch, attempts)
		cancel()
	}
}

// drain stores what is left in the queue.
func (j *Journal) drain(ctx context.Context) {
	storing, cancel := context.WithTimeout(context.WithoutCancel(ctx), storePatience)
	defer cancel()
	var batch []chain.Entry
	for {
		select {
		case e := <-j.queue.entries:
			batch = append(batch, e)
			continue
		default:
		}
		if len(batch) > 0 {
			j.storeNoted(storing, batch, 1)
		}
		return
	}
}

// storeNoted stores entries whose lines are written already. What cannot be
// stored after some attempts is written to the log as an error.
func (j *Journal) storeNoted(ctx context.Context, entries []chain.Entry, attempts int) {
	var err error
	for attempt := range attempts {
		if attempt > 0 {
			select {
			case <-ctx.Done():
			case <-time.After(time.Duration(attempt) * 100 * time.Millisecond):
			}
		}
		if err = j.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			tx.AfterCommit(j.kick)
			return j.Store.Add(ctx, tx, entries...)
		}); err == nil {
			return
		}
	}
	j.lost(ctx, err, entries...)
}
