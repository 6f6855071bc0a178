//go:build unix

package dbtest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// The watchdog holds the reading end of a pipe whose writing end only the test
// binary has: it reads to the end when the binary is gone, be it by os.Exit, a
// panic or a kill, and takes the server with it.
const watchdog = `
dir=$1 bin=$2
clean() { "$bin/pg_ctl" stop -D "$dir/data" -m immediate -t 20 >/dev/null 2>&1; rm -rf "$dir"; }
trap '' INT HUP TERM
if "$bin/initdb" -D "$dir/data" -U postgres -A trust -E UTF8 --no-locale -N --no-instructions >"$dir/log" 2>&1 &&
   "$bin/pg_ctl" start -w -t 60 -D "$dir/data" -l "$dir/log" -o "$3" >>"$dir/log" 2>&1
then echo ready
else tr '\n' ' ' <"$dir/log"; echo; clean; exit 1
fi
cat >/dev/null
clean
`

func start() (dsn string, err error) {
	bin, err := binaries()
	if err != nil {
		return "", err
	}
	dir, err := os.MkdirTemp("", "sdpg")
	if err != nil {
		return "", fmt.Errorf("make folder for PostgreSQL: %w", err)
	}
	const longest = 85 // a socket's path has at most 107 bytes, with its own name
	if len(dir) > longest {
		return "", errors.Join(fmt.Errorf("TMPDIR is too long for PostgreSQL's socket: %s", dir), os.Remove(dir))
	}
	cmd := exec.Command("/bin/sh", "-c", watchdog, "sh", dir, bin, options(dir)) //nolint:noctx // it outlives every test and ends with the process
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // out of reach of a Ctrl-C at the terminal
	if os.Getuid() == 0 {
		credential, err := unprivileged()
		if err != nil {
			return "", err
		}
		if err := os.Chown(dir, int(credential.Uid), int(credential.Gid)); err != nil {
			return "", fmt.Errorf("give the folder to PostgreSQL: %w", err)
		}
		cmd.SysProcAttr.Credential = credential
	}
	alive, err := cmd.StdinPipe()
	if err != nil {
		return "", fmt.Errorf("make pipe: %w", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", fmt.Errorf("make pipe: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return "", fmt.Errorf("start PostgreSQL: %w", err)
	}
	keepOpen = append(keepOpen, alive)
	line, err := bufio.NewReader(out).ReadString('\n')
	if strings.TrimSpace(line) != "ready" {
		return "", fmt.Errorf("start PostgreSQL: %s: %w", strings.TrimSpace(line), errors.Join(err, cmd.Wait()))
	}
	return fmt.Sprintf("host=%s user=postgres dbname=postgres sslmode=disable", dir), nil
}

// keepOpen keeps the garbage collector from closing the pipe to the watchdog.
var keepOpen []io.Closer

// options trade every safety for speed: the data lives as long as the test.
func options(dir string) string {
	settings := []string{
		"listen_addresses=", "unix_socket_directories=" + dir, "fsync=off", "synchronous_commit=off",
		"full_page_writes=off", "shared_buffers=32MB", "max_connections=200", "autovacuum=off",
		"max_wal_size=1GB", "checkpoint_timeout=1h",
	}
	for i, s := range settings {
		settings[i] = "-c " + s
	}
	return strings.Join(settings, " ")
}

// binaries finds the folder with initdb and pg_ctl, the newest version first.
func binaries() (string, error) {
	if p, err := exec.LookPath("initdb"); err == nil {
		if p, err = filepath.EvalSymlinks(p); err == nil {
			if _, err := os.Stat(filepath.Join(filepath.Dir(p), "pg_ctl")); err == nil {
				return filepath.Dir(p), nil
			}
		}
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", errors.New("STAGEDOOR_TEST_POSTGRES is not set and there is no initdb in PATH or /usr/lib/postgresql/*/bin")
	}
	version := func(p string) int {
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(p)))) // 0 for odd names: last
		return n
	}
	slices.SortFunc(found, func(a, b string) int { return version(b) - version(a) })
	return filepath.Dir(found[0]), nil
}

// unprivileged is the account under which the server runs when the tests run
// as root, which PostgreSQL refuses.
func unprivileged() (*syscall.Credential, error) {
	for _, name := range []string{"postgres", "nobody"} {
		account, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(account.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(account.Gid, 10, 32)
		if err1 == nil && err2 == nil {
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
		}
	}
	return nil, errors.New("PostgreSQL does not run as root and there is no account postgres or nobody")
}
