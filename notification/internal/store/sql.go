package store

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"strings"

	"github.com/stagedoor/stagedoor/internal/db"
)

// idsPerStatement bounds the parameters of one statement.
const idsPerStatement = 200

// placeholders renders ($n+1, $n+2, …).
func placeholders(after, count int) string {
	var b strings.Builder
	for i := range count {
		b.WriteString(", $" + strconv.Itoa(after+i+1))
	}
	return "(" + strings.TrimPrefix(b.String(), ", ") + ")"
}

// inList renders the right side of IN for the values, whose parameters follow
// so many others.
func inList(after int, values []string) (string, []any) {
	args := make([]any, len(values))
	for i, v := range values {
		args[i] = v
	}
	return placeholders(after, len(values)), args
}

// each runs the query, calls fn for every row and closes the rows.
func each(ctx context.Context, q db.Querier, query string, args []any, fn func(*sql.Rows) error) (err error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := fn(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
