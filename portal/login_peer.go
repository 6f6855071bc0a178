package portal

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/internal/fault"
)

const maxAnswer = 1 << 20

// endpoints is what the portal says of itself.
type endpoints struct {
	Issuer        string `json:"issuer"`
	Authorization string `json:"authorization_endpoint"`
	Token         string `json:"token_endpoint"`
	Revocation    string `json:"revocation_endpoint"`
	Registration  string `json:"registration_endpoint"`
	UserInfo      string `json:"userinfo_endpoint"`
}

// discover reads the portal's OpenID configuration, which every Backstage has.
func discover(ctx context.Context, client *http.Client, base string) (endpoints, error) {
	var e endpoints
	status, err := getJSON(ctx, client, base+"/api/auth/.well-known/openid-configuration", "", &e)
	if err != nil {
		return e, err
	}
	if status != http.StatusOK || e.Issuer == "" {
		return e, fault.Newf(fault.Unavailable, "%s is no portal: it has no /api/auth/.well-known/openid-configuration (status %d)", base, status)
	}
	auth := base + "/api/auth"
	for _, endpoint := range []struct {
		address *string
		path    string
	}{{&e.Authorization, "/v1/authorize"}, {&e.Token, "/v1/token"}, {&e.Revocation, "/v1/revoke"}, {&e.UserInfo, "/v1/userinfo"}} {
		if *endpoint.address == "" {
			*endpoint.address = auth + endpoint.path
		}
		u, err := url.Parse(*endpoint.address)
		if err != nil || u.Scheme != "https" && (u.Scheme != "http" || strings.HasPrefix(base, "https:")) || u.Host == "" {
			return e, fault.Newf(fault.Unavailable, "%s names an address that cannot be used: %s", base, *endpoint.address)
		}
	}
	return e, nil
}

// identify finds out as which client the command line asks: the one that the
// portal describes for command lines, or one that it registers now.
func identify(ctx context.Context, client *http.Client, base string, e endpoints, redirect string) (id, secret string, err error) {
	own := base + "/api/auth/.well-known/oauth-client/cli.json"
	var described struct {
		ClientID string `json:"client_id"`
	}
	status, err := getJSON(ctx, client, own, "", &described)
	if err != nil {
		return "", "", err
	}
	if status == http.StatusOK {
		if described.ClientID == "" {
			described.ClientID = own
		}
		return described.ClientID, "", nil
	}
	if e.Registration == "" {
		return "", "", fault.Newf(fault.Unavailable, "%s lets no command line sign in: set stagedoor.auth.cli or, on a Backstage, auth.clientIdMetadataDocuments.enabled", base)
	}
	var registered struct {
		ClientID     string `json:"client_id"`
		ClientSecret string `json:"client_secret"`
	}
	err = postJSON(ctx, client, e.Registration, map[string]any{
		"client_name": "Stagedoor CLI", "redirect_uris": []string{redirect}, "token_endpoint_auth_method": "none",
		"response_types": []string{"code"}, "grant_types": []string{"authorization_code", "refresh_token"}, "scope": cliScope,
	}, &registered)
	if err == nil && registered.ClientID == "" {
		err = fault.Newf(fault.Unavailable, "%s registered the command line without an id", base)
	}
	return registered.ClientID, registered.ClientSecret, err
}

// exchange asks for tokens. The body is JSON, because a Backstage reads no
// forms.
func (a *account) exchange(ctx context.Context, client *http.Client, now time.Time, request map[string]string) error {
	request["client_id"] = a.ClientID
	if a.ClientSecret != "" {
		request["client_secret"] = a.ClientSecret
	}
	var tokens struct {
		AccessToken  string  `json:"access_token"`
		RefreshToken string  `json:"refresh_token"`
		ExpiresIn    float64 `json:"expires_in"`
	}
	if err := postJSON(ctx, client, a.TokenURL, request, &tokens); err != nil {
		return err
	}
	if tokens.AccessToken == "" || tokens.ExpiresIn <= 0 {
		return fault.New(fault.Unavailable, "the portal gave no token")
	}
	a.AccessToken = tokens.AccessToken
	a.Expires = now.Add(time.Duration(tokens.ExpiresIn * float64(time.Second))).UTC().Truncate(time.Second)
	if tokens.RefreshToken != "" {
		a.RefreshToken = tokens.RefreshToken
	}
	return nil
}

// renew replaces the tokens. It returns an error with code unauthenticated
// when the sign-in has ended.
func (a *account) renew(ctx context.Context, client *http.Client, now time.Time) error {
	ended := func(why string) error {
		return fault.Newf(fault.Unauthenticated, "your sign-in to %s has ended (%s): run stagedoor login --portal %s", a.Name, why, a.URL)
	}
	if a.RefreshToken == "" {
		return ended("the token expired")
	}
	err := a.exchange(ctx, client, now, map[string]string{"grant_type": "refresh_token", "refresh_token": a.RefreshToken})
	var refused *refusalError
	if errors.As(err, &refused) && refused.status < http.StatusInternalServerError {
		return ended(refused.Error())
	}
	return err
}

// revoke tells the portal that the tokens are not needed any more.
func (a account) revoke(ctx context.Context, client *http.Client) error {
	if a.RefreshToken == "" {
		return nil
	}
	request := map[string]string{"token": a.RefreshToken, "token_type_hint": "refresh_token", "client_id": a.ClientID}
	if a.ClientSecret != "" {
		request["client_secret"] = a.ClientSecret
	}
	return postJSON(ctx, client, a.RevokeURL, request, nil)
}

// person is whom a token speaks for.
type person struct {
	Subject   string   `json:"sub"`
	Ownership []string `json:"ent"`
}

func (a account) whoami(ctx context.Context, client *http.Client) (person, error) {
	var answer struct {
		Claims person `json:"claims"`
	}
	status, err := getJSON(ctx, client, a.UserInfoURL, a.AccessToken, &answer)
	switch {
	case err != nil:
		return person{}, err
	case status == http.StatusUnauthorized:
		return person{}, fault.Newf(fault.Unauthenticated, "%s does not accept the token any more: run stagedoor login --portal %s", a.URL, a.URL)
	case status != http.StatusOK || answer.Claims.Subject == "":
		return person{}, fault.Newf(fault.Unavailable, "%s does not say who you are (status %d)", a.URL, status)
	}
	return answer.Claims, nil
}

// getJSON reads a JSON object. Answers other than 200 are left to the caller.
func getJSON(ctx context.Context, client *http.Client, address, token string, into any) (status int, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return 0, fault.Newf(fault.Invalid, "%s is no URL: %w", address, err)
	}
	req.Header.Set("Accept", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	status, raw, err := answerOf(client, req)
	if err != nil || status != http.StatusOK {
		return status, err
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return status, fault.Newf(fault.Unavailable, "%s answers with something that is not the JSON expected", address)
	}
	return status, nil
}

// refusalError is a refusal in OAuth's words.
type refusalError struct {
	status            int
	code, description string
}

// Error renders what the portal said.
func (e *refusalError) Error() string {
	if e.code == "" {
		return fmt.Sprintf("status %d", e.status)
	}
	return refusalText(e.code, e.description)
}

func refusalText(code, description string) string {
	if description == "" {
		return code
	}
	return description + " (" + code + ")"
}

// postJSON sends a JSON object and reads one, unless into is nil. A refusal is
// an *refusalError.
func postJSON(ctx context.Context, client *http.Client, address string, body, into any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("encode request: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(raw))
	if err != nil {
		return fault.Newf(fault.Invalid, "%s is no URL: %w", address, err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	status, answer, err := answerOf(client, req)
	if err != nil {
		return err
	}
	if status/100 != 2 {
		var said struct {
			Code        string `json:"error"`
			Description string `json:"error_description"`
		}
		_ = json.Unmarshal(answer, &said) // other servers say other things
		return &refusalError{status, said.Code, said.Description}
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return fault.Newf(fault.Unavailable, "%s answers with something that is not the JSON expected", address)
	}
	return nil
}

func answerOf(client *http.Client, req *http.Request) (status int, raw []byte, err error) {
	res, err := client.Do(req)
	if err != nil {
		return 0, nil, fault.Wrap(fault.Unavailable, err, "call the portal")
	}
	raw, err = io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	return res.StatusCode, raw, errors.Join(err, res.Body.Close())
}
