// Package schedule runs tasks again and again: on every replica, or on one of
// them at a time.
//
// What: when a shared task runs next, and how it went, stands in the database;
// a lease decides who runs it; a crashed run is taken over when its lease is
// over. Tasks can be triggered out of turn, from any replica.
//
// What not: it retries nothing within a turn and keeps no history.
//
// Start reading at [Scheduler.Run].
package schedule
