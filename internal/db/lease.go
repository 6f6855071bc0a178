package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/stagedoor/stagedoor/internal/fault"
)

// Leases hands out named leases: the right to do a piece of work that only
// one replica may do at a time. A lease ends by itself when its owner dies.
//
// Clocks of replicas may differ: a lease is over for its owner when the
// owner's clock says so and free for others when theirs say so. The fencing
// number makes that harmless for work that checks it with [Leases.Guard] in
// the transaction that stores the result.
type Leases struct {
	db  *DB
	now func() time.Time
}

// NewLeases returns the leases stored in d, told the time by now.
func NewLeases(d *DB, now func() time.Time) *Leases { return &Leases{db: d, now: now} }

// Acquire takes the lease for ttl if it is free, over, or held by the same
// owner. It returns ok false if somebody else holds it. The fencing number
// grows with every acquisition of that name.
func (l *Leases) Acquire(ctx context.Context, name, owner string, ttl time.Duration) (fence int64, ok bool, err error) {
	now := l.now()
	err = l.db.Write(ctx, func(ctx context.Context, tx *Tx) error {
		fence = 0
		return tx.QueryRowContext(ctx, `
			INSERT INTO lease (name, owner, until, fence) VALUES ($1, $2, $3, 1)
			ON CONFLICT (name) DO UPDATE
			SET owner = excluded.owner, until = excluded.until, fence = lease.fence + 1
			WHERE lease.until <= $4 OR lease.owner = excluded.owner
			RETURNING fence`, name, owner, Micros(now.Add(ttl)), Micros(now)).Scan(&fence)
	})
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return 0, false, nil
	case err != nil:
		return 0, false, fmt.Errorf("acquire lease %s: %w", name, err)
	}
	return fence, true, nil
}

// Renew extends the lease to ttl from now. It returns an error with code
// conflict if the lease is over or somebody else has it: stop working.
func (l *Leases) Renew(ctx context.Context, name string, fence int64, ttl time.Duration) error {
	now := l.now()
	return l.db.Write(ctx, func(ctx context.Context, tx *Tx) error {
		result, err := tx.ExecContext(ctx, `
			UPDATE lease SET until = $1
			WHERE name = $2 AND fence = $3 AND until > $4`, Micros(now.Add(ttl)), name, fence, Micros(now))
		return l.oneRow(result, err, name)
	})
}

// Release gives the lease back early. It does nothing when the lease is
// somebody else's by now.
func (l *Leases) Release(ctx context.Context, name string, fence int64) error {
	err := l.db.Write(ctx, func(ctx context.Context, tx *Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE lease SET until = 0 WHERE name = $1 AND fence = $2`, name, fence)
		return err
	})
	if err != nil {
		return fmt.Errorf("release lease %s: %w", name, err)
	}
	return nil
}

// Guard fails with code conflict unless the lease is still the one with that
// fencing number, and keeps it so until tx ends.
func (l *Leases) Guard(ctx context.Context, tx *Tx, name string, fence int64) error {
	result, err := tx.ExecContext(ctx, `UPDATE lease SET fence = fence WHERE name = $1 AND fence = $2`, name, fence)
	return l.oneRow(result, err, name)
}

// Hold runs fn while holding the lease and keeps renewing it every third of
// ttl. It returns held false, and does not run fn, when somebody else has the
// lease. The context given to fn ends when the lease is lost. Hold returns
// when fn has returned and the lease is given back.
func (l *Leases) Hold(ctx context.Context, name, owner string, ttl time.Duration, fn func(ctx context.Context, fence int64) error) (held bool, err error) {
	fence, ok, err := l.Acquire(ctx, name, owner, ttl)
	if err != nil || !ok {
		return false, err
	}
	work, cancel := context.WithCancelCause(ctx)
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		l.heartbeat(work, cancel, name, fence, ttl)
	}()
	defer func() {
		cancel(nil)
		<-stopped
		// Also when ctx is over: the next owner should not have to wait.
		releasing, done := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer done()
		err = errors.Join(err, l.Release(releasing, name, fence))
	}()
	err = fn(work, fence)
	if cause := context.Cause(work); err != nil && cause != nil && ctx.Err() == nil {
		err = fmt.Errorf("%w: %w", cause, err)
	}
	return true, err
}

func (l *Leases) heartbeat(ctx context.Context, cancel context.CancelCauseFunc, name string, fence int64, ttl time.Duration) {
	tick := time.NewTicker(max(ttl/3, time.Millisecond))
	defer tick.Stop()
	last := l.now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := l.Renew(ctx, name, fence, ttl)
		switch {
		case err == nil:
			last = l.now()
		case ctx.Err() != nil:
			return
		// A database that is away for a moment does not take the lease away.
		case fault.Is(err, fault.Conflict) || l.now().Sub(last) >= ttl:
			cancel(err)
			return
		}
	}
}

func (l *Leases) oneRow(result sql.Result, err error, name string) error {
	if err != nil {
		return fmt.Errorf("check lease %s: %w", name, err)
	}
	n, err := result.RowsAffected()
	if err != nil {
		return fmt.Errorf("check lease %s: %w", name, err)
	}
	if n != 1 {
		return fault.Newf(fault.Conflict, "the lease %s is no longer held", name)
	}
	return nil
}
