//go:build !unix

package dbtest

import "errors"

func start() (dsn string, err error) {
	return "", errors.New("STAGEDOOR_TEST_POSTGRES is not set, and a server is started on Unix only")
}
