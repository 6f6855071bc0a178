package db

import (
	"context"
	"fmt"
	"hash/fnv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/stagedoor/stagedoor/internal/fault"
)

// maxPayload is PostgreSQL's limit, held on both engines.
const maxPayload = 7999

// Notify sends payload to all listeners of the channel, on every replica,
// when and if tx commits. Equal payloads of one transaction may arrive once.
// It returns an error with code too_large for payloads over 7999 bytes.
func (d *DB) Notify(ctx context.Context, tx *Tx, channel, payload string) error {
	if len(payload) > maxPayload {
		return fault.Newf(fault.TooLarge, "notify %s: the payload has %d bytes, %d are allowed", channel, len(payload), maxPayload)
	}
	if d.dialect == Postgres {
		if _, err := tx.ExecContext(ctx, "SELECT pg_notify($1, $2)", channel, payload); err != nil {
			return fmt.Errorf("notify %s: %w", channel, err)
		}
		return nil
	}
	tx.AfterCommit(func() { d.signals.send(channel, payload) })
	return nil
}

// Listen calls fn for every payload sent to the channel, one at a time and in
// order, until ctx ends; then it returns nil. It blocks, so run it as an actor.
//
// fn is also called with an empty payload when listening has begun, and on
// PostgreSQL after every reconnection: something may have been missed, look
// for yourself. A lost connection is not an error: Listen tries again, at
// first at once and then ever more slowly up to every five seconds.
func (d *DB) Listen(ctx context.Context, channel string, fn func(payload string)) error {
	if d.dialect == SQLite {
		d.signals.listen(ctx, channel, fn)
		return nil
	}
	wait := time.Duration(0)
	for {
		began := false
		err := listenOnce(ctx, d.pg.Copy(), channel, func(payload string) {
			began = true
			fn(payload)
		})
		if ctx.Err() != nil {
			return nil //nolint:nilerr // the end was asked for
		}
		if began {
			wait = 0
		}
		d.log.WarnContext(ctx, "listening to the database was interrupted", "channel", channel, "error", err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
		wait = min(2*wait+50*time.Millisecond, 5*time.Second)
	}
}

func listenOnce(ctx context.Context, cfg *pgx.ConnConfig, channel string, fn func(string)) error {
	cfg.RuntimeParams["application_name"] = "stagedoor listen " + channel
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	// The context is over when the connection is closed; closing needs its own.
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = conn.Close(closing) // nothing depends on a goodbye
	}()
	if _, err := conn.Exec(ctx, "LISTEN "+pgx.Identifier{channel}.Sanitize()); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	fn("")
	for {
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			return fmt.Errorf("wait: %w", err)
		}
		fn(n.Payload)
	}
}

// Lock makes tx the only transaction with that name on any replica until it
// ends. On SQLite it does nothing, since there is only one writer.
func (d *DB) Lock(ctx context.Context, tx *Tx, name string) error {
	if d.dialect == SQLite {
		return nil
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(name)) // a hash never fails
	if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock($1)", int64(h.Sum64())); err != nil {
		return fmt.Errorf("lock %s: %w", name, err)
	}
	return nil
}

// signals delivers payloads within the process.
type signals struct {
	mu        sync.Mutex
	listeners map[string]map[*listener]struct{}
}

type listener struct {
	wake    chan struct{}
	pending []string // guarded by signals.mu
}

func (s *signals) send(channel, payload string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for l := range s.listeners[channel] {
		if n := len(l.pending); n > 0 && l.pending[n-1] == payload {
			continue // the listener has not yet looked at the same news
		}
		l.pending = append(l.pending, payload)
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}
}

func (s *signals) listen(ctx context.Context, channel string, fn func(string)) {
	l := &listener{wake: make(chan struct{}, 1)}
	s.mu.Lock()
	if s.listeners == nil {
		s.listeners = map[string]map[*listener]struct{}{}
	}
	if s.listeners[channel] == nil {
		s.listeners[channel] = map[*listener]struct{}{}
	}
	s.listeners[channel][l] = struct{}{}
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.listeners[channel], l)
		s.mu.Unlock()
	}()
	fn("")
	for {
		select {
		case <-ctx.Done():
			return
		case <-l.wake:
		}
		s.mu.Lock()
		batch := l.pending
		l.pending = nil
		s.mu.Unlock()
		for _, payload := range batch {
			if ctx.Err() != nil {
				return
			}
			fn(payload)
		}
	}
}
