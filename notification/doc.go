// Package notification is the contract of notifications: messages to users
// that wait until they are read.
//
// What not: it sends no mail. Who the members of a group are is the catalog's.
//
// Start reading at [Sender].
package notification
