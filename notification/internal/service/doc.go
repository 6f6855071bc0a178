// Package service sends notifications: it checks them, finds out who gets
// them and who wants them, stores them and tells open pages. It also keeps
// what users want to hear of.
//
// What not: it speaks no HTTP and no SQL.
//
// Start reading at [Service.Send].
package service
