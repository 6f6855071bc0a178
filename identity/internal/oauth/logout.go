package oauth

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// revokeAnnounced revokes the refresh token where the provider says it can
// (RFC 7009).
func revokeAnnounced(ctx context.Context, c *client, _ *http.Request, token string) (string, error) {
	m, err := c.metadata(ctx)
	if err != nil || m.RevocationURL == "" || token == "" {
		return "", err
	}
	req, err := c.form(ctx, m.RevocationURL, url.Values{"token": {token}, "token_type_hint": {"refresh_token"}})
	if err != nil {
		return "", err
	}
	return "", c.do(req)
}

// revokeGitHub deletes the token of an OAuth app. Tokens of a GitHub App end by
// themselves.
func revokeGitHub(ctx context.Context, c *client, _ *http.Request, token string) (string, error) {
	access, ok := strings.CutPrefix(token, reusedPrefix)
	if !ok {
		return "", nil
	}
	return "", c.askGitHub(ctx, http.MethodDelete, access)
}

// issuedByGitHub asks whether GitHub issued the token to this client.
func issuedByGitHub(ctx context.Context, c *client, accessToken string) error {
	return c.askGitHub(ctx, http.MethodPost, accessToken)
}

// askGitHub calls the interface that tells a client about its own tokens, and
// knows no others.
func (c *client) askGitHub(ctx context.Context, method, accessToken string) error {
	body, err := json.Marshal(map[string]string{"access_token": accessToken})
	if err != nil {
		return fmt.Errorf("encode the token to ask about: %w", err)
	}
	endpoint := c.static.UserInfoURL + "/applications/" + url.PathEscape(c.cfg.ClientID) + "/token"
	req, err := http.NewRequestWithContext(ctx, method, endpoint, strings.NewReader(string(body)))
	if err != nil {
		return fmt.Errorf("ask %s: %w", endpoint, err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/vnd.github+json")
	req.SetBasicAuth(c.cfg.ClientID, c.cfg.ClientSecret.Reveal())
	return c.do(req)
}

// logoutAuth0 revokes and returns the page that ends Auth0's own session, which
// only the browser can end.
func logoutAuth0(ctx context.Context, c *client, r *http.Request, token string) (string, error) {
	_, revoked := revokeAnnounced(ctx, c, r, token)
	site, err := absolute("domain", c.cfg.Domain)
	if err != nil {
		return "", err
	}
	q := url.Values{"client_id": {c.cfg.ClientID}}
	optional(q, "returnTo", r.Header.Get("Origin"))
	page := site + "/v2/logout?" + q.Encode()
	if c.cfg.FederatedLogout {
		page += "&federated"
	}
	return page, revoked
}

func (c *client) do(req *http.Request) error {
	resp, err := c.http.Do(req)
	if err != nil {
		return err
	}
	_ = resp.Body.Close()
	if resp.StatusCode < http.StatusOK || resp.StatusCode >= http.StatusMultipleChoices {
		return &refusal{code: "about a token", status: resp.StatusCode}
	}
	return nil
}
