// Package store keeps notifications, what users did with them, and what they
// want to hear of.
//
// Start reading at [Store.Add] and [Store.List].
package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/notification"
)

// Store is safe for concurrent use.
type Store struct {
	db  *db.DB
	now func() time.Time
	id  func() string
}

// New returns a store over the migrated database.
func New(d *db.DB, now func() time.Time, id func() string) *Store {
	return &Store{db: d, now: now, id: id}
}

var itemColumns = []string{
	"id", "user_ref", "origin", "scope", "topic", "severity", "title", "description", "link", "icon", "metadata",
	"words", "created_at", "updated_at",
}

// replace makes a further notification of the same scope take the place of
// the earlier one, which keeps its id and its date.
const replace = ` ON CONFLICT (user_ref, origin, scope) WHERE scope <> '' DO UPDATE SET
	topic = excluded.topic, severity = excluded.severity, title = excluded.title, description = excluded.description,
	link = excluded.link, icon = excluded.icon, metadata = excluded.metadata, words = excluded.words,
	updated_at = excluded.created_at
	RETURNING id, user_ref, created_at, updated_at`

// Add stores the payload once per user; an empty user is everyone. Users must
// not repeat. It returns what is stored now, in the order of users.
func (s *Store) Add(ctx context.Context, origin string, users []string, p notification.Payload) ([]notification.Notification, error) {
	metadata := ""
	if len(p.Metadata) > 0 {
		raw, err := json.Marshal(p.Metadata)
		if err != nil {
			return nil, fmt.Errorf("encode metadata of a notification: %w", err)
		}
		metadata = string(raw)
	}
	now := s.now()
	row := func(user string) []any {
		return []any{
			s.id(), user, origin, p.Scope, p.Topic, rank(p.Severity), p.Title, p.Description, p.Link, p.Icon, metadata,
			strings.ToLower(p.Title + "\n" + p.Description), db.Micros(now), 0,
		}
	}
	perStatement := 200
	if s.db.Dialect() == db.SQLite { // see db.InsertRows
		perStatement = 16
	}
	var added []notification.Notification
	err := s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		added = make([]notification.Notification, 0, len(users))
		for chunk := range slices.Chunk(users, perStatement) {
			rows := make([][]any, len(chunk))
			for i, user := range chunk {
				rows[i] = row(user)
			}
			stored, err := insert(ctx, tx, rows)
			if err != nil {
				return fmt.Errorf("store notifications of %s: %w", origin, err)
			}
			for _, user := range chunk {
				n := stored[user]
				n.Origin, n.Payload = origin, p
				added = append(added, n)
			}
		}
		return unread(ctx, tx, added)
	})
	return added, err
}

// insert returns what is stored, by user.
func insert(ctx context.Context, tx *db.Tx, rows [][]any) (map[string]notification.Notification, error) {
	var text strings.Builder
	text.WriteString("INSERT INTO notification_item (" + strings.Join(itemColumns, ", ") + ") VALUES ")
	args := make([]any, 0, len(rows)*len(itemColumns))
	for i, row := range rows {
		if i > 0 {
			text.WriteString(", ")
		}
		text.WriteString(placeholders(len(args), len(row)))
		args = append(args, row...)
	}
	text.WriteString(replace)
	stored := make(map[string]notification.Notification, len(rows))
	err := each(ctx, tx, text.String(), args, func(row *sql.Rows) error {
		var n notification.Notification
		var created, updated int64
		if err := row.Scan(&n.ID, &n.User, &created, &updated); err != nil {
			return err
		}
		n.Created, n.Updated = db.FromMicros(created), db.FromMicros(updated)
		stored[n.User] = n
		return nil
	})
	return stored, err
}

// unread makes those that replaced earlier ones unread and notes which of
// them are saved.
func unread(ctx context.Context, tx *db.Tx, added []notification.Notification) error {
	at := map[string]int{}
	var ids []string
	for i, n := range added {
		if !n.Updated.IsZero() {
			at[n.ID] = i
			ids = append(ids, n.ID)
		}
	}
	for chunk := range slices.Chunk(ids, idsPerStatement) {
		list, args := inList(0, chunk)
		if _, err := tx.ExecContext(ctx, `UPDATE notification_state SET read_at = 0 WHERE notification_id IN `+list, args...); err != nil {
			return fmt.Errorf("make notifications unread: %w", err)
		}
		err := each(ctx, tx, `
			SELECT notification_id, user_ref, saved_at
			FROM notification_state
			WHERE notification_id IN `+list, args, func(row *sql.Rows) error {
			var id, user string
			var saved int64
			if err := row.Scan(&id, &user, &saved); err != nil {
				return err
			}
			if n := &added[at[id]]; n.User == user {
				n.Saved = db.FromMicros(saved)
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("read state of notifications: %w", err)
		}
	}
	return nil
}

// Mark notes what the user did with the notifications: nil leaves alone. Those
// that are not the user's are passed over.
func (s *Store) Mark(ctx context.Context, user string, ids []string, read, saved *bool) error {
	var sets []string
	at := func(set *bool, column string) int64 {
		if set == nil {
			return 0
		}
		sets = append(sets, column+" = excluded."+column)
		if !*set {
			return 0
		}
		return db.Micros(s.now())
	}
	readAt, savedAt := at(read, "read_at"), at(saved, "saved_at")
	if len(sets) == 0 {
		return nil
	}
	return s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		for chunk := range slices.Chunk(ids, idsPerStatement) {
			list, args := inList(3, chunk)
			_, err := tx.ExecContext(ctx, `
				INSERT INTO notification_state (user_ref, read_at, saved_at, notification_id)
				SELECT CAST($1 AS text), CAST($2 AS bigint), CAST($3 AS bigint), id
				FROM notification_item
				WHERE user_ref IN ($1, '') AND id IN `+list+`
				ON CONFLICT (notification_id, user_ref) DO UPDATE SET `+strings.Join(sets, ", "),
				append([]any{user, readAt, savedAt}, args...)...)
			if err != nil {
				return fmt.Errorf("mark notifications of %s: %w", user, err)
			}
		}
		return nil
	})
}

// sweepSize is how many notifications one transaction removes, so that others
// can write meanwhile.
const sweepSize = 1000

// Sweep removes what was sent, or last replaced, before the time, and returns
// how many that were.
func (s *Store) Sweep(ctx context.Context, before time.Time) (removed int, err error) {
	for {
		n := 0
		err := s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
			n = 0
			var ids []string
			err := each(ctx, tx, `
				SELECT id
				FROM notification_item
				WHERE created_at < $1 AND updated_at < $1
				ORDER BY created_at
				LIMIT `+strconv.Itoa(sweepSize), []any{db.Micros(before)}, func(row *sql.Rows) error {
				var id string
				err := row.Scan(&id)
				ids = append(ids, id)
				return err
			})
			if err != nil {
				return err
			}
			for chunk := range slices.Chunk(ids, idsPerStatement) {
				list, args := inList(0, chunk)
				for _, from := range []string{"notification_state WHERE notification_id", "notification_item WHERE id"} {
					if _, err := tx.ExecContext(ctx, `DELETE FROM `+from+` IN `+list, args...); err != nil {
						return err
					}
				}
			}
			n = len(ids)
			return nil
		})
		if err != nil {
			return removed, fmt.Errorf("remove old notifications: %w", err)
		}
		removed += n
		if n < sweepSize {
			return removed, nil
		}
	}
}

// rank orders severities, the gravest first; unknown ones are normal.
func rank(s notification.Severity) int {
	if i := slices.Index(notification.Severities(), s); i >= 0 {
		return i
	}
	return slices.Index(notification.Severities(), notification.Normal)
}
