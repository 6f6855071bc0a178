package schedule

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// leaseTTL is how long a dead replica's run blocks the others.
const leaseTTL = 9 * time.Second

// channel carries the ids of triggered tasks between replicas.
const channel = "stagedoor_schedule"

// Task is work on a schedule.
type Task struct {
	// Owner and ID together name the task.
	Owner, ID string
	// Every is the time from the start of one run to the start of the next.
	Every time.Duration
	// Timeout ends a run; zero means Every.
	Timeout time.Duration
	// InitialDelay is the time before the first run ever.
	InitialDelay time.Duration
	// Local runs the task on every replica, on the replica's own time.
	Local bool
	Run   func(ctx context.Context) error
}

func (t Task) key() string { return t.Owner + ":" + t.ID }

// State is how a task stands.
type State struct {
	Task    Task
	NextAt  time.Time
	Started time.Time // the last run
	Ended   time.Time // zero while it runs
	Problem string    // of the last run
	Running bool      // on this replica
}

// Scheduler runs tasks. Add them, then [Scheduler.Run]; the other methods are
// safe for concurrent use.
type Scheduler struct {
	db     *db.DB
	leases *db.Leases
	now    func() time.Time
	owner  string
	log    *slog.Logger

	mu    sync.Mutex
	tasks []*entry
}

type entry struct {
	task    Task
	wake    chan struct{}
	mu      sync.Mutex
	running bool
	local   State // of local tasks
}

// New returns a scheduler without tasks. The owner names this replica.
func New(d *db.DB, now func() time.Time, owner string, log *slog.Logger) *Scheduler {
	return &Scheduler{db: d, leases: db.NewLeases(d, now), now: now, owner: owner, log: log}
}

// Add registers a task. It returns an error with code invalid when the task
// has no period or its name is taken.
func (s *Scheduler) Add(t Task) error {
	if t.Every <= 0 {
		return fault.Newf(fault.Invalid, "schedule of %s: the period must be longer than nothing", t.key())
	}
	if t.Timeout <= 0 {
		t.Timeout = t.Every
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.tasks {
		if e.task.key() == t.key() {
			return fault.Newf(fault.Invalid, "schedule of %s: there is such a task already", t.key())
		}
	}
	s.tasks = append(s.tasks, &entry{task: t, wake: make(chan struct{}, 1)})
	return nil
}

// Run runs the tasks until ctx ends, and returns when all runs have ended.
func (s *Scheduler) Run(ctx context.Context) error {
	s.mu.Lock()
	tasks := append([]*entry(nil), s.tasks...)
	s.mu.Unlock()
	var wg sync.WaitGroup
	for _, e := range tasks {
		wg.Go(func() { s.loop(ctx, e) })
	}
	wg.Go(func() {
		// A listener that ends early only delays triggers of other replicas.
		if err := s.db.Listen(ctx, channel, s.signal); err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "triggers of other replicas are not heard", "error", err)
		}
	})
	wg.Wait()
	return nil
}

func (s *Scheduler) signal(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.tasks {
		if key == "" || e.task.key() == key {
			select {
			case e.wake <- struct{}{}:
			default:
			}
		}
	}
}

// loop waits for the task's time, runs it, and so on.
func (s *Scheduler) loop(ctx context.Context, e *entry) {
	for ctx.Err() == nil {
		wait, err := s.turn(ctx, e)
		if err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "scheduled task could not take its turn", "task", e.task.key(), "error", err)
			wait = 5 * time.Second
		}
		timer := time.NewTimer(max(wait, 0))
		select {
		case <-ctx.Done():
		case <-e.wake:
		case <-timer.C:
		}
		timer.Stop()
	}
}

// turn runs the task if it is due and returns the time until the next look.
func (s *Scheduler) turn(ctx context.Context, e *entry) (time.Duration, error) {
	next, err := s.nextAt(ctx, e)
	if err != nil {
		return 0, err
	}
	if wait := next.Sub(s.now()); wait > 0 {
		return wait, nil
	}
	if e.task.Local {
		s.run(ctx, e)
		return s.nextWait(ctx, e)
	}
	held, err := s.leases.Hold(ctx, "task:"+e.task.key(), s.owner, leaseTTL, func(ctx context.Context, _ int64) error {
		// Another replica may have run it between the look and the lease.
		if next, err := s.nextAt(ctx, e); err != nil || next.After(s.now()) {
			return err
		}
		return s.runShared(ctx, e)
	})
	if err != nil {
		return 0, err
	}
	if !held {
		return leaseTTL / 3, nil
	}
	return s.nextWait(ctx, e)
}

func (s *Scheduler) nextWait(ctx context.Context, e *entry) (time.Duration, error) {
	next, err := s.nextAt(ctx, e)
	return next.Sub(s.now()), err
}

// nextAt reads when the task runs next; the first replica to ask decides.
func (s *Scheduler) nextAt(ctx context.Context, e *entry) (time.Time, error) {
	if e.task.Local {
		e.mu.Lock()
		defer e.mu.Unlock()
		if e.local.NextAt.IsZero() {
			e.local.NextAt = s.now().Add(e.task.InitialDelay)
		}
		return e.local.NextAt, nil
	}
	next, err := s.readNext(ctx, e.task.key())
	if !errors.Is(err, sql.ErrNoRows) {
		return next, err
	}
	err = s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO schedule_task (id, next_at, started_at, ended_at, problem)
			VALUES ($1, $2, 0, 0, '')
			ON CONFLICT (id) DO NOTHING`, e.task.key(), db.Micros(s.now().Add(e.task.InitialDelay)))
		return err
	})
	if err != nil {
		return time.Time{}, fmt.Errorf("plan %s: %w", e.task.key(), err)
	}
	return s.readNext(ctx, e.task.key())
}

func (s *Scheduler) readNext(ctx context.Context, key string) (time.Time, error) {
	var next int64
	err := s.db.Read().QueryRowContext(ctx, `SELECT next_at FROM schedule_task WHERE id = $1`, key).Scan(&next)
	if err != nil {
		return time.Time{}, fmt.Errorf("read plan of %s: %w", key, err)
	}
	return db.FromMicros(next), nil
}

// runShared runs the task and stores how it went. The next time is stored
// before the run: a run that takes its replica down does not come back at once
// for ever.
func (s *Scheduler) runShared(ctx context.Context, e *entry) error {
	started := s.now()
	if err := s.update(ctx, `
		UPDATE schedule_task
		SET next_at = $2, started_at = $3, ended_at = 0
		WHERE id = $1`, e.task.key(), db.Micros(started.Add(e.task.Every)), db.Micros(started)); err != nil {
		return err
	}
	problem := s.run(ctx, e)
	// Also when the portal is stopping: the outcome must not be lost.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return s.update(ctx, `
		UPDATE schedule_task
		SET ended_at = $2, problem = $3
		WHERE id = $1`, e.task.key(), db.Micros(s.now()), problem)
}

func (s *Scheduler) update(ctx context.Context, query string, args ...any) error {
	return s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.ExecContext(ctx, query, args...)
		return err
	})
}

// run calls the task and returns what went wrong, if anything.
func (s *Scheduler) run(ctx context.Context, e *entry) (problem string) {
	ctx, cancel := context.WithTimeout(ctx, e.task.Timeout)
	defer cancel()
	started := s.now()
	e.mu.Lock()
	e.running = true
	e.local.NextAt, e.local.Started, e.local.Ended = started.Add(e.task.Every), started, time.Time{}
	e.mu.Unlock()
	err := guarded(ctx, e.task.Run)
	if err != nil {
		problem = err.Error()
		s.log.WarnContext(ctx, "scheduled task failed", "task", e.task.key(), "error", err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.running = false
	e.local.Ended, e.local.Problem = s.now(), problem
	return problem
}

// guarded turns a panic of a task into an error: one bad task must not end the
// portal.
func guarded(ctx context.Context, fn func(context.Context) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the task panicked: %v", p)
		}
	}()
	return fn(ctx)
}

// Trigger asks for a run now, on whichever replica is free. It returns when
// the wish is stored; an unknown task is an error with code not_found.
func (s *Scheduler) Trigger(ctx context.Context, owner, id string) error {
	e := s.find(owner, id)
	if e == nil {
		return fault.Newf(fault.NotFound, "Task with id %s does not exist", id)
	}
	if e.task.Local {
		e.mu.Lock()
		e.local.NextAt = s.now()
		e.mu.Unlock()
		s.signal(e.task.key())
		return nil
	}
	if _, err := s.nextAt(ctx, e); err != nil { // makes the row
		return err
	}
	return s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		if _, err := tx.ExecContext(ctx, `UPDATE schedule_task SET next_at = $2 WHERE id = $1`, e.task.key(), db.Micros(s.now())); err != nil {
			return fmt.Errorf("trigger %s: %w", e.task.key(), err)
		}
		return s.db.Notify(ctx, tx, channel, e.task.key())
	})
}

func (s *Scheduler) find(owner, id string) *entry {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.tasks {
		if e.task.Owner == owner && e.task.ID == id {
			return e
		}
	}
	return nil
}

// States tells how the tasks of the owner stand.
func (s *Scheduler) States(ctx context.Context, owner string) ([]State, error) {
	s.mu.Lock()
	tasks := append([]*entry(nil), s.tasks...)
	s.mu.Unlock()
	var out []State
	for _, e := range tasks {
		if e.task.Owner != owner {
			continue
		}
		e.mu.Lock()
		st := e.local
		running := e.running
		e.mu.Unlock()
		if !e.task.Local {
			shared, err := s.readState(ctx, e.task.key())
			if err != nil {
				return nil, err
			}
			st = shared
		}
		st.Task, st.Running = e.task, running
		out = append(out, st)
	}
	return out, nil
}

func (s *Scheduler) readState(ctx context.Context, key string) (State, error) {
	var (
		st                   State
		next, started, ended int64
	)
	err := s.db.Read().QueryRowContext(ctx, `
		SELECT next_at, started_at, ended_at, problem
		FROM schedule_task
		WHERE id = $1`, key).Scan(&next, &started, &ended, &st.Problem)
	if errors.Is(err, sql.ErrNoRows) {
		return st, nil
	}
	if err != nil {
		return st, fmt.Errorf("read state of %s: %w", key, err)
	}
	st.NextAt, st.Started, st.Ended = db.FromMicros(next), db.FromMicros(started), db.FromMicros(ended)
	return st, nil
}
