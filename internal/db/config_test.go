package db_test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
)

func TestConfig_ReadsWhatBackstageReads(t *testing.T) {
	t.Parallel()
	pg := func(dsn string) db.Options { return db.Options{Driver: db.Postgres, DSN: dsn, EnsureExists: true} }
	for name, tc := range map[string]struct {
		config string
		want   db.Options
		wrong  string
	}{
		"nothing is a database in memory": {config: `{}`, want: db.Options{Driver: db.SQLite, Memory: true}},
		"in memory":                       {config: `{"client":"better-sqlite3","connection":":memory:"}`, want: db.Options{Driver: db.SQLite, Memory: true}},
		"a relative directory counts from the base": {
			config: `{"client":"better-sqlite3","connection":{"directory":"./data"}}`,
			want:   db.Options{Driver: db.SQLite, Directory: filepath.Join("/base", "data")},
		},
		"a file":                   {config: `{"client":"better-sqlite3","connection":"/var/x.sqlite"}`, want: db.Options{Driver: db.SQLite, Path: "/var/x.sqlite"}},
		"a string that ends in /":  {config: `{"connection":"/var/x/"}`, want: db.Options{Driver: db.SQLite, Directory: "/var/x"}},
		"a URL without a database": {config: `{"client":"pg","connection":"postgres://u:p@h:1/"}`, want: pg("postgres://u:p@h:1/backstage_plugin_stagedoor")},
		"a URL with a database":    {config: `{"client":"pg","connection":"postgres://u:p@h:1/own?sslmode=disable"}`, want: pg("postgres://u:p@h:1/own?sslmode=disable")},
		"pairs without a database": {config: `{"client":"pg","prefix":"dev_","connection":"host=h"}`, want: pg("host=h dbname='dev_stagedoor'")},
		"an object with a number for a string": {
			config: `{"client":"pg","connection":{"host":"h","port":"5433","user":"u","password":12345}}`,
			want:   pg(`host='h' port='5433' user='u' password='12345' dbname='backstage_plugin_stagedoor' sslmode='disable'`),
		},
		"a password with quotes": {
			config: `{"client":"pg","connection":{"host":"h","password":"a'b\\c"}}`,
			want:   pg(`host='h' password='a\'b\\c' dbname='backstage_plugin_stagedoor' sslmode='disable'`),
		},
		"existing is left to the operator": {
			config: `{"client":"pg","ensureExists":false,"role":"r","knexConfig":{"pool":{"max":5}},"connection":{"database":"d"}}`,
			want:   db.Options{Driver: db.Postgres, Role: "r", MaxConns: 5, DSN: `dbname='d' sslmode='disable'`},
		},
		"an unknown client":      {config: `{"client":"mysql2"}`, wrong: `backend.database.client: expected better-sqlite3 or pg, found "mysql2"`},
		"the embedded server":    {config: `{"client":"embedded-postgres"}`, wrong: "use better-sqlite3"},
		"a cloud connector":      {config: `{"client":"pg","connection":{"type":"cloudsql"}}`, wrong: `connection.type: "cloudsql" is not supported`},
		"a certificate of air":   {config: `{"client":"pg","connection":{"ssl":{"ca":"-----BEGIN x"}}}`, wrong: "ssl.ca: no certificate in it"},
		"ssl of the wrong type":  {config: `{"client":"pg","connection":{"ssl":"yes"}}`, wrong: "connection.ssl: expected true, false or an object"},
		"an object with no file": {config: `{"client":"sqlite3","connection":{}}`, wrong: "expected a directory or a filename"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var c db.Config
			if err := json.Unmarshal([]byte(tc.config), &c); err != nil {
				t.Fatal(err)
			}
			got, err := c.Options("/base")
			if tc.wrong != "" {
				if !fault.Is(err, fault.Invalid) || !strings.Contains(err.Error(), tc.wrong) {
					t.Fatalf("error %v, want one with %q", err, tc.wrong)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got, cmpopts.IgnoreFields(db.Options{}, "Logger", "TLS")); diff != "" {
				t.Errorf("options (-want +got):\n%s", diff)
			}
		})
	}
}

func TestConfig_SSLTurnsOnEncryption(t *testing.T) {
	t.Parallel()
	for ssl, verify := range map[string]bool{`true`: true, `{}`: true, `{"rejectUnauthorized":false}`: false} {
		var c db.Config
		if err := json.Unmarshal([]byte(`{"client":"pg","connection":{"host":"h","ssl":`+ssl+`}}`), &c); err != nil {
			t.Fatal(err)
		}
		got, err := c.Options("")
		if err != nil || got.TLS == nil || got.TLS.InsecureSkipVerify == verify {
			t.Errorf("ssl %s gives %+v, %v, want verification %v", ssl, got.TLS, err, verify)
		}
	}
}
