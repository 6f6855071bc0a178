package store

import (
	"database/sql"
	"errors"
	"strconv"
	"strings"
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

// each calls fn for every row and closes the rows.
func each(rows *sql.Rows, fn func() error) error {
	for rows.Next() {
		if err := fn(); err != nil {
			return errors.Join(err, rows.Close())
		}
	}
	return errors.Join(rows.Err(), rows.Close())
}
