package db

import (
	"crypto/tls"
	"crypto/x509"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/stagedoor/stagedoor/internal/fault"
)

// Config is the configuration key backend.database, as Backstage has it.
//
// Stagedoor keeps everything in one database, where Backstage has one per
// plugin, so pluginDivisionMode and the settings per plugin are read by
// nobody. The PostgreSQL database is the one named in the connection; if none
// is, it is <prefix>stagedoor, with prefix backstage_plugin_ unless
// configured. The SQLite file is stagedoor.sqlite in the configured directory.
type Config struct {
	// Client is better-sqlite3, sqlite3 or pg; empty means better-sqlite3.
	Client string `json:"client"`
	// Connection is a string or an object, depending on the client.
	Connection any `json:"connection"`
	// Prefix of the database's name.
	Prefix string `json:"prefix"`
	// EnsureExists creates a missing PostgreSQL database; default true.
	EnsureExists *bool `json:"ensureExists"`
	// Role is assumed in every PostgreSQL session.
	Role string `json:"role"`
	// KnexConfig is read for pool.max only.
	KnexConfig struct {
		Pool struct {
			Max int `json:"max"`
		} `json:"pool"`
	} `json:"knexConfig"`
	// SkipMigrations leaves the schema alone at start.
	SkipMigrations bool `json:"skipMigrations"`
}

const defaultPrefix = "backstage_plugin_"

// Options turns the configuration into options for [Open]. Relative paths
// count from baseDir. It returns an error with code invalid that names the
// key.
func (c Config) Options(baseDir string) (Options, error) {
	switch c.Client {
	case "", "better-sqlite3", "sqlite3":
		return c.sqlite(baseDir)
	case "pg":
		return c.postgres()
	case "embedded-postgres":
		return Options{}, fault.New(fault.Invalid, "backend.database.client: embedded-postgres is for developing Backstage itself; use better-sqlite3, which needs no server either, or pg")
	}
	return Options{}, fault.Newf(fault.Invalid, "backend.database.client: expected better-sqlite3 or pg, found %q", c.Client)
}

func (c Config) sqlite(baseDir string) (Options, error) {
	opts := Options{Driver: SQLite}
	place := func(p string) string {
		if filepath.IsAbs(p) {
			return filepath.Clean(p)
		}
		return filepath.Join(baseDir, p)
	}
	switch v := c.Connection.(type) {
	case nil:
		opts.Memory = true
	case string:
		v = strings.TrimPrefix(v, "file:")
		if v == ":memory:" || v == "" {
			opts.Memory = true
			break
		}
		path := place(v)
		if info, err := os.Stat(path); strings.HasSuffix(v, "/") || err == nil && info.IsDir() {
			opts.Directory = path
		} else {
			opts.Path = path
		}
	case map[string]any:
		directory, hasDirectory := v["directory"].(string)
		file, hasFile := v["filename"].(string)
		switch {
		case hasDirectory && directory != "":
			opts.Directory = place(directory)
		case hasFile && file == ":memory:":
			opts.Memory = true
		case hasFile && file != "":
			opts.Path = place(file)
		default:
			return Options{}, fault.New(fault.Invalid, "backend.database.connection: expected a directory or a filename")
		}
	default:
		return Options{}, fault.Newf(fault.Invalid, "backend.database.connection: expected :memory:, a file name or an object, found %T", v)
	}
	return opts, nil
}

func (c Config) postgres() (Options, error) {
	opts := Options{
		Driver: Postgres, Role: c.Role, MaxConns: c.KnexConfig.Pool.Max,
		EnsureExists: c.EnsureExists == nil || *c.EnsureExists,
	}
	prefix := c.Prefix
	if prefix == "" {
		prefix = defaultPrefix
	}
	var err error
	switch v := c.Connection.(type) {
	case string:
		opts.DSN, err = namedDatabase(v, prefix+"stagedoor")
	case map[string]any:
		if opts.DSN, err = connectionString(v, prefix+"stagedoor"); err == nil && v["ssl"] != nil {
			opts.TLS, err = tlsConfig(v["ssl"])
		}
	case nil:
		// The variables PGHOST, PGUSER and so on are the driver's to read.
		opts.DSN = dsnPair("dbname", prefix+"stagedoor")
	default:
		err = fault.Newf(fault.Invalid, "backend.database.connection: expected a string or an object, found %T", v)
	}
	return opts, err
}

// namedDatabase puts the name into a connection string that has none.
func namedDatabase(dsn, name string) (string, error) {
	if !strings.HasPrefix(dsn, "postgres://") && !strings.HasPrefix(dsn, "postgresql://") {
		for field := range strings.FieldsSeq(dsn) {
			if strings.HasPrefix(field, "dbname=") {
				return dsn, nil
			}
		}
		return dsn + " " + dsnPair("dbname", name), nil
	}
	u, err := url.Parse(dsn)
	if err != nil {
		return "", fault.New(fault.Invalid, "backend.database.connection: the connection string is not a valid URL")
	}
	if strings.Trim(u.Path, "/") == "" {
		u.Path = "/" + name
	}
	q := u.Query()
	// Node's driver calls a connection that is encrypted but not verified so.
	if q.Get("sslmode") == "no-verify" {
		q.Set("sslmode", "require")
		u.RawQuery = q.Encode()
	}
	return u.String(), nil
}

// connectionString renders the object form, in which numbers may be strings
// and the other way round.
func connectionString(object map[string]any, name string) (string, error) {
	text := func(key string) (string, error) {
		switch v := object[key].(type) {
		case nil:
			return "", nil
		case string:
			return v, nil
		case float64:
			return strconv.FormatFloat(v, 'f', -1, 64), nil
		case int:
			return strconv.Itoa(v), nil
		default:
			return "", fault.Newf(fault.Invalid, "backend.database.connection.%s: expected a string or a number, found %T", key, v)
		}
	}
	if kind, err := text("type"); err != nil || kind != "" && kind != "default" {
		return "", fault.Newf(fault.Invalid, "backend.database.connection.type: %q is not supported, give host, user and password", kind)
	}
	if whole, err := text("connectionString"); err != nil || whole != "" {
		if err != nil {
			return "", err
		}
		return namedDatabase(whole, name)
	}
	var pairs []string
	for _, key := range [][2]string{
		{"host", "host"},
		{"port", "port"},
		{"user", "user"},
		{"password", "password"},
		{"database", "dbname"},
		{"application_name", "application_name"},
		{"options", "options"},
	} {
		value, err := text(key[0])
		if err != nil {
			return "", err
		}
		if value == "" && key[0] == "database" {
			value = name
		}
		if value != "" {
			pairs = append(pairs, dsnPair(key[1], value))
		}
	}
	if millis, err := text("connectionTimeoutMillis"); err == nil && millis != "" {
		if n, err := strconv.Atoi(millis); err == nil && n > 0 {
			pairs = append(pairs, dsnPair("connect_timeout", strconv.Itoa((n+999)/1000)))
		}
	}
	// Encryption is set apart, from the key ssl, so that no key has to lie in
	// a file for the driver.
	return strings.Join(append(pairs, dsnPair("sslmode", "disable")), " "), nil
}

// tlsConfig reads the key ssl: a switch, or what Node's TLS wants to know. Nil
// is an unencrypted connection.
func tlsConfig(ssl any) (*tls.Config, error) {
	object, isObject := ssl.(map[string]any)
	switch {
	case ssl == nil || ssl == false:
		return nil, nil
	case ssl != true && !isObject:
		return nil, fault.Newf(fault.Invalid, "backend.database.connection.ssl: expected true, false or an object, found %T", ssl)
	}
	config := &tls.Config{
		MinVersion:         tls.VersionTLS12,
		InsecureSkipVerify: object["rejectUnauthorized"] == false, //nolint:gosec // the operator asked for it
	}
	config.ServerName, _ = object["servername"].(string)
	pem := func(key string) ([]byte, error) {
		text, _ := object[key].(string)
		if text == "" || strings.Contains(text, "-----BEGIN") {
			return []byte(text), nil
		}
		read, err := os.ReadFile(text)
		if err != nil {
			return nil, fault.Wrap(fault.Invalid, err, "backend.database.connection.ssl."+key)
		}
		return read, nil
	}
	ca, err := pem("ca")
	if err != nil {
		return nil, err
	}
	if len(ca) > 0 {
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(ca) {
			return nil, fault.New(fault.Invalid, "backend.database.connection.ssl.ca: no certificate in it")
		}
	}
	cert, err := pem("cert")
	if err != nil {
		return nil, err
	}
	key, err := pem("key")
	if err != nil {
		return nil, err
	}
	if len(cert) > 0 || len(key) > 0 {
		pair, err := tls.X509KeyPair(cert, key)
		if err != nil {
			return nil, fault.Wrap(fault.Invalid, err, "backend.database.connection.ssl.cert and key")
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

// dsnPair quotes a value as PostgreSQL's connection strings want it.
func dsnPair(key, value string) string {
	value = strings.ReplaceAll(value, `\`, `\\`)
	return key + "='" + strings.ReplaceAll(value, "'", `\'`) + "'"
}
