// Package journal is the audit log that capabilities write to: it implements
// audit.Log.
//
// What: it fills in who and from where, takes secrets out, stores events in
// the transactions of their changes or, for [Log.Note], in batches, writes
// each to the log of the process as Backstage's auditor does, and sees to it
// that stored events are sealed soon ([Journal.Run]).
//
// What not: how events are stored and sealed is audit/internal/store.
//
// Start reading at [Journal], then [Log.Begin].
package journal
