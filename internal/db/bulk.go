package db

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/stagedoor/stagedoor/internal/fault"
)

// Beyond these sizes a statement only gets longer. SQLite's driver looks every
// parameter up among all of them, so that the cost grows with the square: with
// four columns, 64 rows a statement are three times as fast as 256.
const (
	maxRows         = 256
	sqliteBulkParam = 256
)

func rowLimit(dialect Dialect, columns int) int {
	params := maxParams(dialect)
	if dialect == SQLite {
		params = sqliteBulkParam
	}
	return max(1, min(maxRows, params/max(1, columns)))
}

// InsertRows inserts rows into a table with as few statements as the engine's
// limits allow. suffix is put behind the values, for example
// "ON CONFLICT (id) DO UPDATE SET name = excluded.name". It returns the number
// of rows that the engine says it changed.
//
// Table, columns and suffix become part of the statement: never pass input of
// a user. It returns an error with code invalid when a row has not one value
// per column.
func InsertRows(ctx context.Context, tx *Tx, table string, columns []string, rows [][]any, suffix string) (int64, error) {
	limit := rowLimit(tx.Dialect(), len(columns))
	args := make([]any, 0, min(limit, len(rows))*len(columns))
	var total int64
	for start := 0; start < len(rows); {
		n := chunkSize(len(rows)-start, limit)
		args = args[:0]
		for i, row := range rows[start : start+n] {
			if len(row) != len(columns) {
				return total, fault.Newf(fault.Invalid, "insert into %s: row %d has %d values for %d columns", table, start+i, len(row), len(columns))
			}
			args = append(args, row...)
		}
		result, err := tx.ExecContext(ctx, insertText(table, columns, n, suffix), args...)
		if err != nil {
			return total, fmt.Errorf("insert %d rows into %s: %w", n, table, err)
		}
		changed, err := result.RowsAffected()
		if err != nil {
			return total, fmt.Errorf("count rows inserted into %s: %w", table, err)
		}
		total += changed
		start += n
	}
	return total, nil
}

// chunkSize gives powers of two, so that a table needs at most nine different
// texts and the engines' statement caches hit whatever the number of rows.
func chunkSize(left, limit int) int {
	n := 1
	for n*2 <= left && n*2 <= limit {
		n *= 2
	}
	return n
}

func insertText(table string, columns []string, rows int, suffix string) string {
	var b strings.Builder
	b.Grow(64 + len(suffix) + rows*len(columns)*6)
	b.WriteString("INSERT INTO ")
	b.WriteString(table)
	b.WriteString(" (")
	b.WriteString(strings.Join(columns, ", "))
	b.WriteString(") VALUES ")
	for i := range rows {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('(')
		b.WriteString(Placeholders(1+i*len(columns), len(columns)))
		b.WriteByte(')')
	}
	if suffix != "" {
		b.WriteByte(' ')
		b.WriteString(suffix)
	}
	return b.String()
}

// Placeholders returns n parameters from $first on, separated by commas, for
// an IN list or a row of values: Placeholders(3, 2) is "$3,$4". Keep lists
// below a few hundred: see InsertRows about SQLite.
func Placeholders(first, n int) string {
	b := make([]byte, 0, n*5)
	for i := range n {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, '$')
		b = strconv.AppendInt(b, int64(first+i), 10)
	}
	return string(b)
}
