// Package usersetting is the contract of what users set for themselves, such
// as starred entities and the theme: JSON values by bucket and key.
//
// What not: it gives the values no meaning. Values belong to one user; nobody
// else reads them.
//
// Start reading at [Settings].
package usersetting
