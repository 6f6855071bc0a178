package portal_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/stagedoor/stagedoor/internal/config"
	"github.com/stagedoor/stagedoor/internal/telemetry"
	"github.com/stagedoor/stagedoor/portal"
)

// startPortal is the script command "portal [file]": it serves a portal on a
// port of its own, with the configuration of the file over the basic one, and
// sets PORTAL to its address.
func startPortal(ts *testscript.TestScript, _ bool, args []string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	port := listener.Addr().(*net.TCPAddr).Port
	ts.Check(listener.Close())
	base := fmt.Sprintf("http://127.0.0.1:%d", port)
	raw, err := json.Marshal(map[string]any{
		"app": map[string]any{"baseUrl": base},
		"backend": map[string]any{
			"baseUrl": base, "listen": map[string]any{"host": "127.0.0.1", "port": port},
			"database": map[string]any{"client": "better-sqlite3", "connection": map[string]any{"directory": ts.MkAbs(fmt.Sprint("db", port))}},
		},
		"auth": map[string]any{"providers": map[string]any{"guest": map[string]any{"userEntityRef": "user:default/guest"}}},
	})
	ts.Check(err)
	file := ts.MkAbs(fmt.Sprintf("portal-%d.yaml", port))
	ts.Check(os.WriteFile(file, raw, 0o600))
	files := []string{file}
	for _, more := range args {
		files = append(files, ts.MkAbs(more))
	}
	ctx, cancel := context.WithCancel(context.Background())
	tel, shutdown, err := telemetry.Setup(ctx, telemetry.Options{Output: io.Discard, Getenv: func(string) string { return "" }})
	ts.Check(err)
	watcher, err := config.NewWatcher(ctx, config.Sources{Paths: files}, config.WatchOptions{})
	ts.Check(err)
	p, err := portal.Open(ctx, portal.Options{Config: watcher, Telemetry: tel, Clock: time.Now, NewID: uuid.NewString, Logger: tel.Logger, Version: "test"})
	ts.Check(err)
	done := make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	ts.Defer(func() {
		cancel()
		ts.Check(errors.Join(<-done, p.Close(), shutdown(context.Background())))
	})
	ts.Check(waitFor(base + "/.backstage/health/v1/readiness"))
	ts.Setenv("PORTAL", base)
}

// waitFor returns when the address answers 200.
func waitFor(address string) error {
	client := &http.Client{Timeout: time.Second}
	defer client.CloseIdleConnections()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(30 * time.Second)
	for {
		if res, err := client.Get(address); err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-tick.C:
		case <-deadline:
			return fmt.Errorf("%s does not become ready", address)
		}
	}
}

// fakeBrowser stands in for the user's browser: it signs in to the portal as
// the guest, answers the consent page as BROWSER says, and brings the answer
// where it is sent.
func fakeBrowser() {
	if err := browse(os.Args[1], os.Getenv("BROWSER")); err != nil {
		// Nobody sees the output of a browser; the test looks at this file.
		_ = os.WriteFile(filepath.Join(os.Getenv("WORK"), "browser-problem"), []byte(err.Error()), 0o600)
		os.Exit(1)
	}
}

func browse(address, answer string) error {
	if answer == "close" {
		return nil
	}
	u, err := url.Parse(address)
	if err != nil {
		return err
	}
	base := u.Scheme + "://" + u.Host
	client := &http.Client{Timeout: 20 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	call := func(method, address, token string, status int) (*http.Response, map[string]any, error) {
		req, err := http.NewRequest(method, address, nil)
		if err != nil {
			return nil, nil, err
		}
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		res, err := client.Do(req)
		if err != nil {
			return nil, nil, err
		}
		defer res.Body.Close()
		raw, err := io.ReadAll(res.Body)
		if err != nil {
			return nil, nil, err
		}
		if res.StatusCode != status {
			return nil, nil, fmt.Errorf("%s %s: status %d: %s", method, address, res.StatusCode, raw)
		}
		var object map[string]any
		_ = json.Unmarshal(raw, &object)
		return res, object, nil
	}
	res, _, err := call(http.MethodGet, address, "", http.StatusFound)
	if err != nil {
		return err
	}
	consent := res.Header.Get("Location")
	if !strings.HasPrefix(consent, base+"/oauth2/authorize/") {
		return fmt.Errorf("the consent page is %s", consent)
	}
	_, session, err := call(http.MethodPost, base+"/api/auth/guest/refresh", "", http.StatusOK)
	if err != nil {
		return err
	}
	identity, _ := session["backstageIdentity"].(map[string]any)
	token, _ := identity["token"].(string)
	_, decided, err := call(http.MethodPost, base+"/api/auth/v1/sessions/"+path.Base(consent)+"/"+answer, token, http.StatusOK)
	if err != nil {
		return err
	}
	redirect, _ := decided["redirectUrl"].(string)
	_, _, err = call(http.MethodGet, redirect, "", http.StatusOK)
	return err
}
