package github

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	sdk "github.com/google/go-github/v88/github"

	"github.com/stagedoor/stagedoor/integration/internal/fail"
)

// How long what GitHub said about an app is believed.
const (
	installationsFor = 10 * time.Minute
	// A token lives for an hour; it is renewed while a slow read may still use
	// the old one.
	renewBefore = 10 * time.Minute
	jwtFor      = 9 * time.Minute
)

// app is one GitHub App of a host. Safe for concurrent use.
type app struct {
	settings appSettings
	signer   jose.Signer
	clock    func() time.Time

	mu            sync.Mutex
	installations []*sdk.Installation
	listed        time.Time
	tokens        map[int64]appToken
}

type appToken struct {
	text    string
	expires time.Time
}

func newApp(s appSettings, clock func() time.Time) (*app, error) {
	key, err := parseKey(s.PrivateKey)
	if err != nil {
		return nil, fail.New(fail.Invalid, "privateKey of the GitHub App %s: %w", s.AppID, err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: key}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return nil, fail.New(fail.Invalid, "privateKey of the GitHub App %s: %w", s.AppID, err)
	}
	return &app{settings: s, signer: signer, clock: clock, tokens: map[int64]appToken{}}, nil
}

// allows reports whether the configuration lets the app work for the owner.
func (a *app) allows(owner string) bool {
	return len(a.settings.Owners) == 0 ||
		slices.ContainsFunc(a.settings.Owners, func(o string) bool { return strings.EqualFold(o, owner) })
}

// assertion is the short-lived proof that we are the app. It begins a minute
// ago, because clocks differ.
func (a *app) assertion() (string, error) {
	now := a.clock()
	text, err := jwt.Signed(a.signer).Claims(jwt.Claims{
		Issuer: string(a.settings.AppID), IssuedAt: jwt.NewNumericDate(now.Add(-time.Minute)), Expiry: jwt.NewNumericDate(now.Add(jwtFor)),
	}).Serialize()
	if err != nil {
		return "", fmt.Errorf("sign as the GitHub App %s: %w", a.settings.AppID, err)
	}
	return text, nil
}

// token returns a token for the owner's installation; ok is false when the app
// is not installed there.
func (a *app) token(ctx context.Context, client *sdk.Client, owner string) (text string, ok bool, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.list(ctx, client); err != nil {
		return "", false, err
	}
	find := func(i *sdk.Installation) bool { return strings.EqualFold(i.GetAccount().GetLogin(), owner) }
	n := slices.IndexFunc(a.installations, find)
	if n < 0 && a.settings.PublicAccess && len(a.installations) > 0 {
		n = 0 // any installation may read what is public
	}
	if n < 0 || !a.allows(a.installations[n].GetAccount().GetLogin()) {
		return "", false, nil
	}
	in := a.installations[n]
	if in.SuspendedAt != nil {
		return "", false, fail.New(fail.Forbidden, "the GitHub App %s is suspended for %s", a.settings.AppID, in.GetAccount().GetLogin())
	}
	if t := a.tokens[in.GetID()]; t.expires.After(a.clock().Add(renewBefore)) {
		return t.text, true, nil
	}
	ctx, err = a.authorize(ctx)
	if err != nil {
		return "", false, err
	}
	got, _, err := client.Apps.CreateInstallationToken(ctx, in.GetID(), nil)
	if err != nil {
		return "", false, failure(err, "get a token of the GitHub App "+string(a.settings.AppID)+" for "+owner)
	}
	a.tokens[in.GetID()] = appToken{got.GetToken(), got.GetExpiresAt().Time}
	return got.GetToken(), true, nil
}

// owners returns the accounts in which the app is installed and may work.
func (a *app) owners(ctx context.Context, client *sdk.Client) ([]string, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.list(ctx, client); err != nil {
		return nil, err
	}
	var out []string
	for _, in := range a.installations {
		if login := in.GetAccount().GetLogin(); in.SuspendedAt == nil && a.allows(login) {
			out = append(out, login)
		}
	}
	slices.Sort(out)
	return out, nil
}

// list refreshes the installations when what is known is old.
func (a *app) list(ctx context.Context, client *sdk.Client) error {
	if !a.listed.IsZero() && a.clock().Sub(a.listed) < installationsFor {
		return nil
	}
	ctx, err := a.authorize(ctx)
	if err != nil {
		return err
	}
	var all []*sdk.Installation
	opts := &sdk.ListOptions{PerPage: 100}
	for {
		page, res, err := client.Apps.ListInstallations(ctx, opts)
		if err != nil {
			return failure(err, "list the installations of the GitHub App "+string(a.settings.AppID))
		}
		all = append(all, page...)
		if res.NextPage == 0 {
			break
		}
		opts.Page = res.NextPage
	}
	a.installations, a.listed = all, a.clock()
	return nil
}

// forget makes the next use ask again, after an event told of a change.
func (a *app) forget() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.listed = time.Time{}
}

func (a *app) authorize(ctx context.Context) (context.Context, error) {
	text, err := a.assertion()
	if err != nil {
		return nil, err
	}
	return context.WithValue(ctx, credentialKey{}, text), nil
}
