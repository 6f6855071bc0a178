package db_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// patience bounds waits for another goroutine or process that should take
// milliseconds.
const patience = 20 * time.Second

func receive(t *testing.T, got <-chan string) string {
	t.Helper()
	select {
	case s := <-got:
		return s
	case <-time.After(patience):
		t.Fatal("nothing was heard")
		return ""
	}
}

func TestListen_HearsCommittedNotificationsInOrderAndNothingElse(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx, cancel := context.WithCancel(context.Background())
		got, ended := make(chan string, 10), make(chan error, 1)
		go func() { ended <- d.Listen(ctx, "news", func(p string) { got <- p }) }()
		if first := receive(t, got); first != "" {
			t.Fatalf("first call with %q, want the empty payload that says: listening", first)
		}
		notify := func(channel, payload string, result error) {
			err := d.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
				if err := d.Notify(ctx, tx, channel, payload); err != nil {
					return err
				}
				return result
			})
			if !errors.Is(err, result) {
				t.Fatal(err)
			}
		}
		notify("news", "one", nil)
		notify("news", "rolled back", errors.New("no"))
		notify("other", "elsewhere", nil)
		notify("news", "two", nil)
		if diff := cmp.Diff([]string{"one", "two"}, []string{receive(t, got), receive(t, got)}); diff != "" {
			t.Errorf("heard (-want +got):\n%s", diff)
		}
		err := d.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			return d.Notify(ctx, tx, "news", strings.Repeat("x", 8000))
		})
		if !fault.Is(err, fault.TooLarge) {
			t.Errorf("a payload of 8000 bytes gives %v, want code too_large", err)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Listen ended with %v, want nil", err)
		}
	})
}

func TestListen_ReconnectsAndSaysThatItMayHaveMissedSomething(t *testing.T) {
	t.Parallel()
	dsn := dbtest.PostgresDSN(t)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	d, err := db.Open(ctx, db.Options{Driver: db.Postgres, DSN: dsn})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	got, ended := make(chan string, 10), make(chan error, 1)
	go func() { ended <- d.Listen(ctx, "news", func(p string) { got <- p }) }()
	receive(t, got)
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	if _, err := conn.Exec(ctx, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'stagedoor listen news' AND datname = current_database()`); err != nil {
		t.Fatal(err)
	}
	if again := receive(t, got); again != "" {
		t.Fatalf("after the reconnection: %q, want the empty payload", again)
	}
	if _, err := conn.Exec(ctx, `NOTIFY news, 'still there'`); err != nil {
		t.Fatal(err)
	}
	if p := receive(t, got); p != "still there" {
		t.Errorf("heard %q", p)
	}
	cancel()
	<-ended
}

func TestLock_LetsOneTransactionAtATimeThrough(t *testing.T) {
	t.Parallel()
	d := dbtest.Postgres(t)
	ctx := context.Background()
	locked, release, second := make(chan struct{}), make(chan struct{}), make(chan string, 2)
	go func() {
		_ = d.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			if err := d.Lock(ctx, tx, "one"); err != nil {
				t.Error(err)
			}
			close(locked)
			<-release
			second <- "first"
			return nil
		})
	}()
	<-locked
	if err := d.Write(ctx, func(ctx context.Context, tx *db.Tx) error { return d.Lock(ctx, tx, "another") }); err != nil {
		t.Fatalf("a lock of another name: %v", err)
	}
	done := make(chan error, 1)
	go func() {
		done <- d.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			defer func() { second <- "second" }()
			return d.Lock(ctx, tx, "one")
		})
	}()
	close(release)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if order := []string{<-second, <-second}; order[0] != "first" {
		t.Errorf("order of the lock's holders: %v", order)
	}
}
