package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stagedoor/stagedoor/audit/internal/chain"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// Verdict is the result of a verification.
type Verdict struct {
	OK bool
	// Checked is how many events are in order, from the oldest on.
	Checked int64
	// First and Seq are the numbers of the oldest and the last event, Hash is
	// the last one's.
	First, Seq int64
	Hash       string
	// Unsealed is how many events are not in the chain yet.
	Unsealed int
	// Problem is the first thing that is wrong.
	Problem *chain.Problem
}

// Verify checks the whole log against its chain and its head. An error means
// that it could not be read, not that it is wrong.
func (s *Store) Verify(ctx context.Context) (v Verdict, err error) {
	err = s.db.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		head, err := readHead(ctx, tx)
		if err != nil {
			return err
		}
		if head != nil {
			v.First, v.Seq, v.Hash = head.FromSeq+1, head.Seq, head.Hash
		}
		verifier, problem := chain.NewVerifier(s.keys, head)
		if problem == nil {
			if problem, err = checkAll(ctx, tx, verifier); err != nil {
				return err
			}
		}
		_, pending, err := s.unsealed(ctx, tx, maxUnsealed)
		if err != nil {
			return err
		}
		v.Unsealed, v.Checked = len(pending), verifier.Count()
		if problem == nil {
			var removals []chain.Removal
			for i := range pending {
				if r, ok := chain.RemovalOf(&pending[i]); ok {
					removals = append(removals, r)
				}
			}
			problem = verifier.End(removals...)
		}
		v.Problem, v.OK = problem, problem == nil
		return nil
	})
	if err != nil {
		return v, fmt.Errorf("verify the audit log: %w", err)
	}
	return v, nil
}

// maxUnsealed bounds how many unsealed events a verification looks at.
const maxUnsealed = 10_000

func checkAll(ctx context.Context, tx *db.Tx, verifier *chain.Verifier) (*chain.Problem, error) {
	const size = 1000
	next := int64(-1 << 63)
	for {
		n, last, problem, err := checkPage(ctx, tx, verifier, next, size)
		if err != nil || problem != nil || n < size {
			return problem, err
		}
		next = last
	}
}

func checkPage(ctx context.Context, tx *db.Tx, verifier *chain.Verifier, after int64, size int) (n int, last int64, problem *chain.Problem, err error) {
	rows, err := tx.QueryContext(ctx, `SELECT `+columnList+` FROM audit_event WHERE seq > $1 ORDER BY seq LIMIT $2`, after, size)
	if err != nil {
		return 0, 0, nil, fmt.Errorf("read audit events: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		e, err := scanEntry(rows)
		if err != nil {
			return n, last, nil, err
		}
		if problem := verifier.Next(&e); problem != nil {
			return n, last, problem, nil
		}
		n, last = n+1, e.Seq
	}
	return n, last, nil, rows.Err()
}

// Remove removes up to limit of the oldest events if they are from before the
// time, and returns what it removed. The record is stored in the same
// transaction; it tells [Store.Verify] that the log begins later on purpose.
// The last event stays, whatever its age.
func (s *Store) Remove(ctx context.Context, before time.Time, limit int, record func(chain.Removal) chain.Entry) (r chain.Removal, err error) {
	err = s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		r = chain.Removal{}
		if err := s.db.Lock(ctx, tx, lockName); err != nil {
			return err
		}
		head, err := readHead(ctx, tx)
		if err != nil || head == nil {
			return err
		}
		if r, err = s.removable(ctx, tx, head, before, limit); err != nil || r.Removed == 0 {
			return err
		}
		if err := forgetWords(ctx, tx, head.FromSeq, r.Seq); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM audit_event WHERE seq <= $1`, r.Seq); err != nil {
			return fmt.Errorf("delete old audit events: %w", err)
		}
		head.FromSeq, head.FromHash = r.Seq, r.Hash
		if err := s.writeHead(ctx, tx, head); err != nil {
			return err
		}
		return s.Add(ctx, tx, record(r))
	})
	if err != nil {
		return chain.Removal{}, fmt.Errorf("remove old audit events: %w", err)
	}
	return r, nil
}

// removable finds the events at the beginning that are all old enough. It
// checks them first, so that what somebody else removed or changed does not
// become unseen; that is an error with code conflict.
func (s *Store) removable(ctx context.Context, tx *db.Tx, head *chain.Head, before time.Time, limit int) (r chain.Removal, err error) {
	verifier, problem := chain.NewVerifier(s.keys, head)
	if problem != nil {
		return r, broken(problem)
	}
	rows, err := tx.QueryContext(ctx, `SELECT `+columnList+` FROM audit_event WHERE seq < $1 ORDER BY seq LIMIT $2`, head.Seq, limit)
	if err != nil {
		return r, fmt.Errorf("read the oldest audit events: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		e, err := scanEntry(rows)
		if err != nil {
			return r, err
		}
		if !e.Event.At.Before(before) {
			break
		}
		if problem := verifier.Next(&e); problem != nil {
			return r, broken(problem)
		}
		r.Removed, r.Seq, r.Hash = r.Removed+1, e.Seq, e.Hash
	}
	return r, rows.Err()
}

func broken(p *chain.Problem) error {
	return fault.Newf(fault.Conflict, "the audit log is not what was written, so nothing is removed from it: %s", p)
}
