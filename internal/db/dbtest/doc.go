// Package dbtest gives tests a migrated database of their own, on every
// engine.
//
// What: [Each] runs a test on SQLite and on a real PostgreSQL. The server is
// the one of STAGEDOOR_TEST_POSTGRES (a connection string of a role that may
// create databases), or one that is started from the system's initdb and
// pg_ctl, once per test binary, and that a watchdog stops when the binary
// ends, however it ends. Without either the PostgreSQL half is skipped, and
// fails if STAGEDOOR_REQUIRE_POSTGRES is 1.
//
// What not: no fixtures of any capability.
//
// Start reading at [Each].
package dbtest
