// Package dex signs in to a running portal with Dex, an OpenID provider that
// many teams put before their directory. It is a module of its own, because
// Dex brings some two hundred modules along.
//
// What not: the failures of the flow are tested in identity/internal/oauth;
// this proves that another implementation of the other side works.
//
// Start reading at TestDex_SignInRefreshLogout. Run it with
//
//	STAGEDOOR=$PWD/bin/stagedoor go -C e2e/dex test ./...
package dex
