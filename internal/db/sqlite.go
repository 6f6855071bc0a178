package db

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	_ "modernc.org/sqlite" // registers the driver "sqlite"
)

const sqliteFile = "stagedoor.sqlite"

func openSQLite(ctx context.Context, opts Options) (*DB, error) {
	d := &DB{dialect: SQLite, log: opts.Logger}
	path := opts.Path
	switch {
	case opts.Memory, path == "" && opts.Directory == "":
		dir, err := os.MkdirTemp("", "stagedoor-db-")
		if err != nil {
			return nil, fmt.Errorf("make folder for the temporary database: %w", err)
		}
		d.temp, path = dir, filepath.Join(dir, sqliteFile)
	case path == "":
		path = filepath.Join(opts.Directory, sqliteFile)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return nil, fmt.Errorf("make folder of the database: %w", err)
	}
	readers := opts.Readers
	if readers <= 0 {
		readers = 4
	}
	var err error
	if d.write, err = sql.Open("sqlite", sqliteDSN(path, true, d.temp != "")); err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	d.write.SetMaxOpenConns(1)
	d.write.SetMaxIdleConns(1)
	if d.read, err = sql.Open("sqlite", sqliteDSN(path, false, d.temp != "")); err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	d.read.SetMaxOpenConns(readers)
	d.read.SetMaxIdleConns(readers)
	return pingOrClose(ctx, d)
}

// sqliteDSN orders the pragmas on purpose: the busy time-out first, so that
// the switch to WAL already waits for others, and the cache bounded, since
// every connection has one of its own.
func sqliteDSN(path string, writer, temporary bool) string {
	synchronous := "NORMAL"
	if temporary {
		synchronous = "OFF"
	}
	q := url.Values{"_pragma": {
		"busy_timeout(10000)",
		"journal_mode(WAL)",
		"synchronous(" + synchronous + ")",
		"foreign_keys(ON)",
		"temp_store(MEMORY)",
	}}
	if writer {
		q.Set("_txlock", "immediate")
		q.Add("_pragma", "cache_size(-16000)")
	} else {
		q.Set("_txlock", "deferred")
		q.Add("_pragma", "cache_size(-4000)")
		q.Add("_pragma", "query_only(ON)")
	}
	// Opaque keeps relative paths relative; escaping keeps ? and # in a file's
	// name from ending it.
	return "file:" + (&url.URL{Path: filepath.ToSlash(path)}).EscapedPath() + "?" + q.Encode()
}
