// Package audit is the contract of the audit log: who did what to which
// target, with which result.
//
// What: [Event] is one entry; [Log] is where capabilities write them. An event
// of a change is stored in the transaction of the change.
//
// What not: it is no debugging log, and nothing in it is secret: values that
// the configuration marks as secrets are removed before an event is stored.
//
// Start reading at [Log].
package audit
