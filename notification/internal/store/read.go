package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/notification"
)

// Query asks for notifications of a user, including those to everyone. Zero
// fields do not restrict.
type Query struct {
	User         string
	IDs          []string // when not nil
	Topic        string
	Search       string
	Read, Saved  *bool
	CreatedAfter time.Time // at or after
	// Minimum keeps those at least as grave.
	Minimum notification.Severity
	// Order is by creation, the newest first, when empty.
	Order  []Order
	Limit  int // 0: all
	Offset int
}

// Order is one column to sort by.
type Order struct {
	Field string
	Desc  bool
}

// orderColumns are the columns that clients may sort by.
var orderColumns = map[string]string{
	"id": "n.id", "title": "n.title", "description": "n.description", "severity": "n.severity", "link": "n.link",
	"origin": "n.origin", "scope": "n.scope", "topic": "n.topic", "icon": "n.icon", "user": "n.user_ref",
	"created": "n.created_at", "updated": "n.updated_at", "read": "COALESCE(s.read_at, 0)", "saved": "COALESCE(s.saved_at, 0)",
}

const itemsOf = `
	FROM notification_item n
	LEFT JOIN notification_state s ON s.notification_id = n.id AND s.user_ref = $1
	WHERE n.user_ref IN ($1, '')`

// where renders the conditions of the query, but for IDs.
func (q Query) where() (string, []any) {
	args := []any{q.User}
	var b strings.Builder
	add := func(condition string, arg any) {
		args = append(args, arg)
		b.WriteString(" AND " + strings.ReplaceAll(condition, "?", "$"+strconv.Itoa(len(args))))
	}
	if q.Topic != "" {
		add("n.topic = ?", q.Topic)
	}
	if q.Search != "" {
		escaped := strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(strings.ToLower(q.Search))
		add(`n.words LIKE ? ESCAPE '\'`, "%"+escaped+"%")
	}
	if !q.CreatedAfter.IsZero() {
		add("n.created_at >= ?", db.Micros(q.CreatedAfter))
	}
	if q.Minimum != "" {
		add("n.severity <= ?", rank(q.Minimum))
	}
	b.WriteString(done("read_at", q.Read) + done("saved_at", q.Saved))
	return b.String(), args
}

// done renders the condition on what a user did or did not.
func done(column string, set *bool) string {
	switch {
	case set == nil:
		return ""
	case *set:
		return " AND COALESCE(s." + column + ", 0) > 0"
	}
	return " AND COALESCE(s." + column + ", 0) = 0"
}

func (q Query) order() (string, error) {
	var terms []string
	for _, o := range q.Order {
		column, ok := orderColumns[o.Field]
		if !ok {
			return "", fault.Newf(fault.Invalid, "Invalid order field '%s'", o.Field)
		}
		if o.Desc {
			column += " DESC"
		}
		terms = append(terms, column)
	}
	if len(terms) == 0 {
		terms = append(terms, "n.created_at DESC")
	}
	return " ORDER BY " + strings.Join(terms, ", ") + ", n.id", nil
}

// List returns the page and the number of notifications over all pages. It
// returns an error with code invalid for a field that cannot be sorted by.
func (s *Store) List(ctx context.Context, q Query) (items []notification.Notification, total int, err error) {
	order, err := q.order()
	if err != nil {
		return nil, 0, err
	}
	where, args := q.where()
	err = s.db.View(ctx, func(ctx context.Context, tx *db.Tx) error {
		if q.IDs != nil {
			items, err = listIDs(ctx, tx, q, where, args, order)
			total = len(items)
			return err
		}
		if err := tx.QueryRowContext(ctx, `SELECT count(*)`+itemsOf+where, args...).Scan(&total); err != nil {
			return err
		}
		page := ""
		if q.Limit > 0 {
			page = " LIMIT " + strconv.Itoa(q.Limit)
		} else if q.Offset > 0 && s.db.Dialect() == db.SQLite {
			page = " LIMIT -1" // an offset must have a limit
		}
		if q.Offset > 0 {
			page += " OFFSET " + strconv.Itoa(q.Offset)
		}
		items, err = scan(ctx, tx, where+order+page, args)
		return err
	})
	if err != nil {
		return nil, 0, fmt.Errorf("read notifications of %s: %w", q.User, err)
	}
	return items, total, nil
}

func listIDs(ctx context.Context, tx *db.Tx, q Query, where string, args []any, order string) ([]notification.Notification, error) {
	var items []notification.Notification
	for chunk := range slices.Chunk(q.IDs, idsPerStatement) {
		list, ids := inList(len(args), chunk)
		more, err := scan(ctx, tx, where+" AND n.id IN "+list+order, append(slices.Clone(args), ids...))
		if err != nil {
			return nil, err
		}
		items = append(items, more...)
	}
	return items, nil
}

func scan(ctx context.Context, tx *db.Tx, rest string, args []any) ([]notification.Notification, error) {
	var items []notification.Notification
	err := each(ctx, tx, `
		SELECT n.id, n.user_ref, n.origin, n.scope, n.topic, n.severity, n.title, n.description, n.link, n.icon, n.metadata,
			n.created_at, n.updated_at, COALESCE(s.read_at, 0), COALESCE(s.saved_at, 0)`+itemsOf+rest, args, func(row *sql.Rows) error {
		n, err := scanItem(row)
		items = append(items, n)
		return err
	})
	return items, err
}

func scanItem(rows *sql.Rows) (n notification.Notification, err error) {
	var severity int
	var metadata string
	var created, updated, read, saved int64
	p := &n.Payload
	err = rows.Scan(&n.ID, &n.User, &n.Origin, &p.Scope, &p.Topic, &severity, &p.Title, &p.Description, &p.Link, &p.Icon, &metadata,
		&created, &updated, &read, &saved)
	if err != nil {
		return n, err
	}
	if all := notification.Severities(); severity >= 0 && severity < len(all) {
		p.Severity = all[severity]
	}
	if metadata != "" {
		if err := json.Unmarshal([]byte(metadata), &p.Metadata); err != nil {
			return n, fmt.Errorf("decode metadata of %s: %w", n.ID, err)
		}
	}
	n.Created, n.Updated = db.FromMicros(created), db.FromMicros(updated)
	n.Read, n.Saved = db.FromMicros(read), db.FromMicros(saved)
	return n, nil
}

// Status counts the user's notifications.
func (s *Store) Status(ctx context.Context, user string) (unread, read int, err error) {
	var total int
	err = s.db.Read().QueryRowContext(ctx, `
		SELECT count(*), COALESCE(sum(CASE WHEN COALESCE(s.read_at, 0) > 0 THEN 1 ELSE 0 END), 0)`+itemsOf, user).Scan(&total, &read)
	if err != nil {
		return 0, 0, fmt.Errorf("count notifications of %s: %w", user, err)
	}
	return total - read, read, nil
}

// Topics returns the topics of the notifications that the query asks for,
// sorted.
func (s *Store) Topics(ctx context.Context, q Query) ([]string, error) {
	where, args := q.where()
	topics := []string{}
	err := each(ctx, s.db.Read(), `SELECT DISTINCT n.topic`+itemsOf+where+` AND n.topic <> ''`, args, func(row *sql.Rows) error {
		var topic string
		err := row.Scan(&topic)
		topics = append(topics, topic)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read topics of %s: %w", q.User, err)
	}
	slices.Sort(topics) // the engines' orders differ
	return topics, nil
}

// Source is an origin and a topic of it that a user has been notified of; the
// topic may be empty.
type Source struct{ Origin, Topic string }

// Sources returns where the user's own notifications come from, sorted.
func (s *Store) Sources(ctx context.Context, user string) ([]Source, error) {
	var sources []Source
	err := each(ctx, s.db.Read(), `
		SELECT DISTINCT origin, topic
		FROM notification_item
		WHERE user_ref = $1`, []any{user}, func(row *sql.Rows) error {
		var src Source
		err := row.Scan(&src.Origin, &src.Topic)
		sources = append(sources, src)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read origins for %s: %w", user, err)
	}
	slices.SortFunc(sources, func(a, b Source) int {
		return cmp.Or(strings.Compare(a.Origin, b.Origin), strings.Compare(a.Topic, b.Topic))
	})
	return sources, nil
}

// Settings returns the stored settings of those of the users who have some.
func (s *Store) Settings(ctx context.Context, users []string) (map[string]json.RawMessage, error) {
	settings := map[string]json.RawMessage{}
	for chunk := range slices.Chunk(users, idsPerStatement) {
		list, args := inList(0, chunk)
		err := each(ctx, s.db.Read(), `SELECT user_ref, body FROM notification_setting WHERE user_ref IN `+list, args, func(row *sql.Rows) error {
			var user, body string
			err := row.Scan(&user, &body)
			settings[user] = json.RawMessage(body)
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("read notification settings: %w", err)
		}
	}
	return settings, nil
}

// SaveSettings replaces the user's settings.
func (s *Store) SaveSettings(ctx context.Context, user string, body json.RawMessage) error {
	err := s.db.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO notification_setting (user_ref, body)
			VALUES ($1, $2)
			ON CONFLICT (user_ref) DO UPDATE SET body = excluded.body`, user, string(body))
		return err
	})
	if err != nil {
		return fmt.Errorf("store notification settings of %s: %w", user, err)
	}
	return nil
}

// Get returns one notification of the user, or an error with code not_found.
func (s *Store) Get(ctx context.Context, user, id string) (notification.Notification, error) {
	items, _, err := s.List(ctx, Query{User: user, IDs: []string{id}})
	if err != nil {
		return notification.Notification{}, err
	}
	if len(items) != 1 {
		return notification.Notification{}, fault.New(fault.NotFound, "Not found")
	}
	return items[0], nil
}
