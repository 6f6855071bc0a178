package github

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	sdk "github.com/google/go-github/v88/github"

	"github.com/stagedoor/stagedoor/integration/internal/fail"
	refs "github.com/stagedoor/stagedoor/integration/internal/place"
	"github.com/stagedoor/stagedoor/integration/internal/wire"
)

// forge is one GitHub: its settings, credentials and client. Safe for
// concurrent use.
type forge struct {
	settings  hostSettings
	clock     func() time.Time
	apps      []*app
	client    *sdk.Client
	transport *wire.Transport

	refs *refs.Refs
}

// credentialKey is the context key of the token of a request.
type credentialKey struct{}

func newForge(s hostSettings, clock func() time.Time, sleep func(context.Context, time.Duration) error) (*forge, error) {
	f := &forge{settings: s, clock: clock, refs: refs.NewRefs(clock)}
	for _, a := range s.Apps {
		made, err := newApp(a, clock)
		if err != nil {
			return nil, err
		}
		f.apps = append(f.apps, made)
	}
	base, err := url.Parse(s.APIBaseURL + "/")
	if err != nil {
		return nil, fail.New(fail.Invalid, "apiBaseUrl: %w", err)
	}
	f.transport = wire.NewTransport(wire.Options{Own: []*url.URL{base}, Clock: clock, Sleep: sleep, Authorize: authorize})
	text := base.String()
	f.client, err = sdk.NewClient(sdk.WithHTTPClient(f.transport.Client()), sdk.WithURLs(&text, &text), sdk.WithDisableRateLimitCheck())
	if err != nil {
		return nil, fail.New(fail.Invalid, "apiBaseUrl: %w", err)
	}
	return f, nil
}

func authorize(req *http.Request) error {
	if token, _ := req.Context().Value(credentialKey{}).(string); token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	return nil
}

// credential is a token and what it belongs to.
type credential struct {
	token string
	// person is set for tokens of people, which may read e-mail addresses.
	person bool
}

// credential finds the token for an owner: that of an app which is installed
// there, else the configured one, else none. With an app only that one counts.
func (f *forge) credential(ctx context.Context, owner string, only number) (credential, error) {
	for _, a := range f.apps {
		if only != "" && a.settings.AppID != only {
			continue
		}
		text, ok, err := a.token(ctx, f.client, owner)
		if err != nil {
			return credential{}, err
		}
		if ok {
			return credential{token: text}, nil
		}
	}
	if only != "" {
		return credential{}, fail.New(fail.Forbidden, "the GitHub App %s is not installed for %s on %s", only, owner, f.settings.Host)
	}
	return credential{token: f.settings.Token, person: f.settings.Token != ""}, nil
}

// appOwners returns the accounts in which an app is installed; without an app,
// those of all apps.
func (f *forge) appOwners(ctx context.Context, only number) ([]string, error) {
	var out []string
	for _, a := range f.apps {
		if only != "" && a.settings.AppID != only {
			continue
		}
		owners, err := a.owners(ctx, f.client)
		if err != nil {
			return nil, err
		}
		for _, o := range owners {
			if !slices.Contains(out, o) {
				out = append(out, o)
			}
		}
	}
	if len(out) == 0 {
		return nil, fail.New(fail.Invalid, "no GitHub App of %s is installed anywhere, so organisations must be named", f.settings.Host)
	}
	return out, nil
}

// as returns a context whose requests carry the token, or else the owner's.
func (f *forge) as(ctx context.Context, owner, token string) (context.Context, error) {
	if token == "" {
		c, err := f.credential(ctx, owner, "")
		if err != nil {
			return nil, err
		}
		token = c.token
	}
	return context.WithValue(ctx, credentialKey{}, token), nil
}

// query asks the GraphQL API. Any error in the answer is an error, also when
// there is data beside it: half an answer must not look like a whole one.
func (f *forge) query(ctx context.Context, doing, query string, variables map[string]any, into any) error {
	req, err := f.client.NewRequest(ctx, http.MethodPost, f.settings.graphQL(), map[string]any{"query": query, "variables": variables})
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	var answer struct {
		Data   json.RawMessage `json:"data"`
		Errors []struct {
			Type    string `json:"type"`
			Message string `json:"message"`
		} `json:"errors"`
	}
	res, err := f.client.Do(req, &answer)
	if err != nil {
		return failure(err, doing)
	}
	if len(answer.Errors) > 0 {
		first := answer.Errors[0]
		switch first.Type {
		case "RATE_LIMITED":
			reset, err := strconv.ParseInt(res.Header.Get("X-RateLimit-Reset"), 10, 64)
			until := f.clock().Add(time.Minute)
			if err == nil {
				until = time.Unix(reset, 0)
			}
			return fmt.Errorf("%s: %w", doing, f.transport.Close(res.Request, until, "has no requests left for this credential"))
		case "NOT_FOUND":
			return fail.New(fail.NotFound, "%s: %s", doing, first.Message)
		case "FORBIDDEN", "INSUFFICIENT_SCOPES":
			return fail.New(fail.Forbidden, "%s: %s", doing, first.Message)
		}
		return fail.New(fail.Unavailable, "%s: %s", doing, first.Message)
	}
	if len(bytes.TrimSpace(answer.Data)) == 0 || string(answer.Data) == "null" {
		return fail.New(fail.Unavailable, "%s: GitHub answered without data", doing)
	}
	if err := json.Unmarshal(answer.Data, into); err != nil {
		return fail.New(fail.Unavailable, "%s: GitHub's answer has another shape: %w", doing, err)
	}
	return nil
}

// failure gives an error of the client a code.
func failure(err error, doing string) error {
	var answer *sdk.ErrorResponse
	if errors.As(err, &answer) && answer.Response != nil {
		return wire.Status(answer.Response.StatusCode, doing, strings.TrimSpace(answer.Message))
	}
	return wire.Failure(err, doing)
}
