package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/httpx"
)

// maxAnswer bounds what is read of an identity provider's answer.
const maxAnswer = 1 << 20

// defaultTimeout bounds one call to an identity provider.
const defaultTimeout = 10 * time.Second

// The ways a client proves itself at the token endpoint.
const (
	authBasic = "client_secret_basic"
	authPost  = "client_secret_post"
	authNone  = "none"
)

// errDown marks answers that say the identity provider is in trouble.
var errDown = errors.New("the identity provider is down")

// guarded bounds answers, and turns those of a provider in trouble into errors,
// so that nobody takes an outage for a refusal.
type guarded struct{ next http.RoundTripper }

func (g guarded) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := g.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode >= http.StatusInternalServerError || resp.StatusCode == http.StatusTooManyRequests {
		_ = resp.Body.Close()
		return nil, fmt.Errorf("%w: %s", errDown, resp.Status)
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(resp.Body, maxAnswer), resp.Body}
	return resp, nil
}

// newHTTPClient returns a client for calls to identity providers. Requests with
// a body are not redirected: it holds the client's secret.
func newHTTPClient(transport http.RoundTripper, timeout time.Duration) *http.Client {
	if transport == nil {
		transport = http.DefaultTransport
	}
	if timeout == 0 {
		timeout = defaultTimeout
	}
	return &http.Client{
		Transport: guarded{transport}, Timeout: timeout,
		CheckRedirect: func(next *http.Request, via []*http.Request) error {
			first := via[0]
			if len(via) > 3 || first.Method != http.MethodGet || (first.URL.Scheme == "https" && next.URL.Scheme != "https") ||
				(first.Header.Get("Authorization") != "" && next.URL.Host != first.URL.Host) {
				return http.ErrUseLastResponse
			}
			return nil
		},
	}
}

// grant is what the token endpoint gives.
type grant struct {
	AccessToken  string  `json:"access_token"`
	RefreshToken string  `json:"refresh_token"`
	IDToken      string  `json:"id_token"`
	Scope        string  `json:"scope"`
	Expires      seconds `json:"expires_in"`
	Error        string  `json:"error"`
}

// seconds reads a number, also one in quotes, which some servers send.
type seconds int64

func (s *seconds) UnmarshalJSON(data []byte) error {
	n, err := strconv.ParseFloat(strings.Trim(string(data), `"`), 64)
	if err == nil && n > 0 && n < 1<<40 {
		*s = seconds(n)
	}
	return nil // a lifetime that nobody understands is none
}

// refusal is an answer that is not what was asked for. Only the code is kept: the
// rest may repeat what was sent.
type refusal struct {
	code   string
	status int
}

func (e *refusal) Error() string {
	return fmt.Sprintf("the token endpoint answered %d %q", e.status, e.code)
}

// exchange asks the token endpoint.
func (c *client) exchange(ctx context.Context, endpoint string, form url.Values) (grant, error) {
	req, err := c.form(ctx, endpoint, form)
	if err != nil {
		return grant{}, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return grant{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return grant{}, fmt.Errorf("%w: %w", errDown, err)
	}
	g, err := parseGrant(resp.Header.Get("Content-Type"), body)
	switch {
	case g.Error != "" || resp.StatusCode != http.StatusOK:
		return grant{}, &refusal{code: g.Error, status: resp.StatusCode}
	case err != nil:
		return grant{}, err
	case g.AccessToken == "":
		return grant{}, &refusal{code: "no access_token", status: resp.StatusCode}
	}
	return g, nil
}

// parseGrant reads JSON or, as older servers answer, a form.
func parseGrant(contentType string, body []byte) (grant, error) {
	var g grant
	if kind, _, _ := mime.ParseMediaType(contentType); kind == "application/x-www-form-urlencoded" || kind == "text/plain" {
		q, err := url.ParseQuery(string(body))
		if err != nil {
			return g, errors.New("the token endpoint answered a form that cannot be read")
		}
		_ = g.Expires.UnmarshalJSON([]byte(q.Get("expires_in"))) // never fails
		g.AccessToken, g.RefreshToken, g.IDToken = q.Get("access_token"), q.Get("refresh_token"), q.Get("id_token")
		g.Scope, g.Error = q.Get("scope"), q.Get("error")
		return g, nil
	}
	if err := json.Unmarshal(body, &g); err != nil {
		return grant{}, errors.New("the token endpoint answered no JSON")
	}
	return g, nil
}

// form makes a request with the client's credentials.
func (c *client) form(ctx context.Context, endpoint string, form url.Values) (*http.Request, error) {
	method := c.authMethod()
	if method != authBasic {
		form.Set("client_id", c.cfg.ClientID)
	}
	if method == authPost {
		form.Set("client_secret", c.cfg.ClientSecret.Reveal())
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", endpoint, err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	if method == authBasic || c.cfg.IncludeBasicAuth {
		id, password := c.cfg.ClientID, c.cfg.ClientSecret.Reveal()
		if method == authBasic && !c.kind.plainBasic {
			id, password = url.QueryEscape(id), url.QueryEscape(password)
		}
		req.SetBasicAuth(id, password)
	}
	return req, nil
}

func (c *client) authMethod() string {
	if c.cfg.TokenEndpointAuthMethod != "" {
		return c.cfg.TokenEndpointAuthMethod
	}
	if c.kind.basic {
		return authBasic
	}
	return authPost
}

// get asks an API on behalf of the person.
func (c *client) get(ctx context.Context, endpoint, accessToken string, into any) error {
	body, err := c.fetch(ctx, endpoint, accessToken, "application/json")
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, into); err != nil {
		return &refusal{code: "no JSON", status: http.StatusOK}
	}
	return nil
}

func (c *client) fetch(ctx context.Context, endpoint, accessToken, accept string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoint, nil)
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", endpoint, err)
	}
	req.Header.Set("Accept", accept)
	if accessToken != "" {
		req.Header.Set("Authorization", "Bearer "+accessToken)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, &refusal{code: "from " + req.URL.Host, status: resp.StatusCode}
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errDown, err)
	}
	return body, nil
}

// explain turns an error of a call into what the person is told. What went
// wrong in detail is for the log.
func (c *client) explain(ctx context.Context, doing string, err error) error {
	var (
		coded   interface{ FaultCode() string }
		refused *refusal
		network *url.Error
	)
	if errors.As(err, &coded) {
		return err
	}
	c.log.WarnContext(ctx, "identity provider", "provider", c.id, "env", c.env, "while", doing, "error", err)
	switch {
	case errors.Is(err, errDown), errors.As(err, &network), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return &httpx.WireError{Code: fault.Unavailable, Err: err, Message: c.title + " does not answer at the moment; try again in a minute"}
	case errors.As(err, &refused) && (refused.code == "invalid_client" || refused.code == "unauthorized_client" || refused.code == "incorrect_client_credentials"):
		return &httpx.WireError{
			Code: fault.Internal, Status: http.StatusInternalServerError, Name: "Error", Err: err,
			Message: c.title + " does not accept the portal's client id and secret; tell those who run the portal",
		}
	case errors.As(err, &refused) && refused.code == "redirect_uri_mismatch":
		return &httpx.WireError{
			Code: fault.Internal, Status: http.StatusInternalServerError, Name: "Error", Err: err,
			Message: c.title + " does not know the portal's callback URL; tell those who run the portal",
		}
	}
	return &httpx.WireError{Code: fault.Unauthenticated, Err: err, Message: c.title + " did not accept the sign-in: it may have expired or been used already; start again"}
}
