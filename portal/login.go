package portal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/internal/fault"
)

// portalFlags say which of the portals that one is signed in to is meant.
type portalFlags struct {
	Portal string `placeholder:"URL" env:"STAGEDOOR_PORTAL" help:"Address of the portal's back-end, such as https://portal.example.com."`
	Name   string `placeholder:"NAME" help:"Short name of the portal for these commands. Default: the host of its address."`
}

// loginCommand signs the command line in.
type loginCommand struct {
	portalFlags
	NoBrowser bool          `help:"Print the address to open instead of opening a browser."`
	Timeout   time.Duration `default:"5m" help:"How long to wait for the browser."`
}

// Run implements the command.
func (c *loginCommand) Run(ctx context.Context, env *environment) error {
	accounts, err := env.accounts()
	if err != nil {
		return err
	}
	base, name, err := c.target(accounts)
	if err != nil {
		return err
	}
	if strings.HasPrefix(base, "http:") && !homeAddress(base) {
		fmt.Fprintf(env.Stderr, "stagedoor: %s is not encrypted: everybody on the way can read the token\n", base)
	}
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	flow := signInFlow{client: oauthClient(), clock: env.Clock, show: func(ctx context.Context, address string) error {
		return c.show(ctx, env, address)
	}}
	fresh, err := flow.run(ctx, base)
	if errors.Is(err, context.DeadlineExceeded) {
		return fault.Newf(fault.Unavailable, "nobody approved within %s", c.Timeout)
	}
	if err != nil {
		return err
	}
	fresh.Name = name
	var replaced account
	err = accounts.change(func(all *accountList) error {
		replaced, _ = all.find(name)
		all.put(fresh)
		return nil
	})
	if err != nil {
		return err
	}
	if replaced.RefreshToken != "" {
		// What was there before would stay valid without anybody's need.
		_ = replaced.revoke(ctx, flow.client)
	}
	if fresh.RefreshToken == "" {
		fmt.Fprintf(env.Stderr, "stagedoor: the portal gave no refresh token; the sign-in ends at %s\n", fresh.Expires.Local().Format(time.DateTime))
	}
	_, err = fmt.Fprintf(env.Stdout, "Signed in to %s as %s.\n", fresh.Name, fresh.User)
	return err
}

// target finds the portal: the one that the flags name, or the current one.
func (f portalFlags) target(accounts accountStore) (base, name string, err error) {
	if f.Portal == "" {
		known, err := f.choose(accounts)
		if err != nil {
			return "", "", fault.New(fault.Invalid, "name the portal: --portal https://portal.example.com")
		}
		return known.URL, known.Name, nil
	}
	u, err := url.Parse(f.Portal)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", "", fault.Newf(fault.Invalid, "--portal: %s is no address such as https://portal.example.com", f.Portal)
	}
	base, name = strings.TrimSuffix(u.String(), "/"), f.Name
	if known, err := f.choose(accounts); err == nil && known.URL == base {
		name = known.Name
	}
	if name == "" {
		name = u.Host
	}
	return base, name, nil
}

// choose returns the account that the flags mean.
func (f portalFlags) choose(accounts accountStore) (account, error) {
	all, err := accounts.read()
	if err != nil {
		return account{}, err
	}
	wanted := f.Name
	if wanted == "" && f.Portal != "" {
		for _, a := range all.Portals {
			if a.URL == strings.TrimSuffix(f.Portal, "/") {
				wanted = a.Name
			}
		}
		if wanted == "" {
			return account{}, fault.Newf(fault.NotFound, "you are not signed in to %s: run stagedoor login --portal %s", f.Portal, f.Portal)
		}
	}
	if wanted == "" {
		wanted = all.Current
	}
	if found, ok := all.find(wanted); ok {
		return found, nil
	}
	if wanted == "" {
		return account{}, fault.New(fault.NotFound, "you are not signed in: run stagedoor login --portal https://portal.example.com")
	}
	return account{}, fault.Newf(fault.NotFound, "you are not signed in to %s", wanted)
}

// show gets the address in front of the user's eyes.
func (c *loginCommand) show(ctx context.Context, env *environment, address string) error {
	if !c.NoBrowser {
		if _, err := fmt.Fprintf(env.Stdout, "Opening the browser. If nothing happens, open this address:\n\n  %s\n\n", address); err != nil {
			return err
		}
		if err := env.OpenURL(ctx, address); err != nil {
			fmt.Fprintln(env.Stderr, "stagedoor: no browser could be opened:", err)
		}
		return nil
	}
	_, err := fmt.Fprintf(env.Stdout, "Open this address to sign in:\n\n  %s\n\n", address)
	return err
}

// logoutCommand signs the command line out.
type logoutCommand struct {
	portalFlags
	All bool `help:"Sign out of every portal."`
}

// Run implements the command.
func (c *logoutCommand) Run(ctx context.Context, env *environment) error {
	accounts, err := env.accounts()
	if err != nil {
		return err
	}
	all, err := accounts.read()
	if err != nil {
		return err
	}
	leaving := all.Portals
	if !c.All {
		one, err := c.choose(accounts)
		if err != nil {
			return err
		}
		leaving = []account{one}
	}
	for _, a := range leaving {
		var last account // under the lock, after a refresh that was under way
		err := accounts.change(func(all *accountList) error {
			last, _ = all.find(a.Name)
			all.remove(a.Name)
			return nil
		})
		if err != nil {
			return err
		}
		if err := last.revoke(ctx, oauthClient()); err != nil {
			fmt.Fprintf(env.Stderr, "stagedoor: %s was not told: %v\n", a.Name, err)
		}
		if _, err := fmt.Fprintf(env.Stdout, "Signed out of %s.\n", a.Name); err != nil {
			return err
		}
	}
	return nil
}

// whoamiCommand says who one is.
type whoamiCommand struct {
	portalFlags
	JSON bool `help:"Print a JSON object."`
}

// Run implements the command.
func (c *whoamiCommand) Run(ctx context.Context, env *environment) error {
	a, err := c.fresh(ctx, env)
	if err != nil {
		return err
	}
	who, err := a.whoami(ctx, oauthClient())
	if err != nil {
		return err
	}
	if c.JSON {
		enc := json.NewEncoder(env.Stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(map[string]any{
			"portal": a.URL, "name": a.Name, "user": who.Subject, "ownership": who.Ownership,
			"expires": a.Expires.UTC().Format(time.RFC3339), "renewable": a.RefreshToken != "",
		})
	}
	renewal := "renewed when needed"
	if a.RefreshToken == "" {
		renewal = "then sign in again"
	}
	_, err = fmt.Fprintf(env.Stdout, "portal   %s (%s)\nuser     %s\nowns     %s\ntoken    until %s, %s\n",
		a.Name, a.URL, who.Subject, strings.Join(who.Ownership, ", "), a.Expires.Local().Format(time.DateTime), renewal)
	return err
}

// tokenCommand prints a token for scripts.
type tokenCommand struct{ portalFlags }

// Run implements the command.
func (c *tokenCommand) Run(ctx context.Context, env *environment) error {
	a, err := c.fresh(ctx, env)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(env.Stdout, a.AccessToken)
	return err
}

// fresh returns the account with a token that is good for a while.
func (f portalFlags) fresh(ctx context.Context, env *environment) (account, error) {
	accounts, err := env.accounts()
	if err != nil {
		return account{}, err
	}
	a, err := f.choose(accounts)
	if err != nil || !a.stale(env.Clock()) {
		return a, err
	}
	// Under the lock, another process may have renewed it meanwhile; the one
	// that comes second must not use the refresh token that was replaced.
	err = accounts.change(func(all *accountList) error {
		current, ok := all.find(a.Name)
		if !ok {
			return fault.Newf(fault.NotFound, "you are not signed in to %s any more", a.Name)
		}
		if a = current; !a.stale(env.Clock()) {
			return nil
		}
		if err := a.renew(ctx, oauthClient(), env.Clock()); err != nil {
			return err
		}
		all.update(a)
		return nil
	})
	return a, err
}

// accounts is where the credentials of this user are.
func (env *environment) accounts() (accountStore, error) {
	dir, err := env.ConfigDir()
	if err != nil {
		return accountStore{}, fmt.Errorf("find the folder for credentials: %w", err)
	}
	return newAccountStore(dir), nil
}

func oauthClient() *http.Client { return &http.Client{Timeout: 30 * time.Second} }

// homeAddress reports whether the address is on this machine.
func homeAddress(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	switch u.Hostname() {
	case "localhost", "127.0.0.1", "::1":
		return true
	}
	return false
}
