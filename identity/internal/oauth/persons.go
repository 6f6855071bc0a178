package oauth

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"

	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/httpx"
)

// openID reads the id token, and asks the user info where there is none, as
// after some refreshes.
func openID(ctx context.Context, c *client, m *metadata, g grant, nonce string) (person, error) {
	if g.IDToken == "" {
		return openIDWithUserInfo(ctx, c, m, g, nonce)
	}
	claims, err := c.verify(ctx, m, g.IDToken, nonce, g.AccessToken)
	return fromClaims(claims), err
}

// openIDWithUserInfo reads the id token and asks the user info, whose claims
// win: some providers put hardly anything into the id token.
func openIDWithUserInfo(ctx context.Context, c *client, m *metadata, g grant, nonce string) (person, error) {
	var claims map[string]any
	if g.IDToken != "" {
		var err error
		if claims, err = c.verify(ctx, m, g.IDToken, nonce, g.AccessToken); err != nil {
			return person{}, err
		}
	} else if nonce != "" {
		return person{}, &httpx.WireError{Code: fault.Unauthenticated, Message: c.title + " sent no id token; tell those who run the portal to ask for the scope openid"}
	}
	if m.UserInfoURL == "" {
		if claims == nil {
			return person{}, errors.New("there is neither an id token nor a user info endpoint")
		}
		return fromClaims(claims), nil
	}
	info := map[string]any{}
	err := c.get(ctx, m.UserInfoURL, g.AccessToken, &info)
	var refused *refusal
	switch {
	case errors.As(err, &refused) && claims != nil:
		return fromClaims(claims), nil // the id token says enough
	case err != nil:
		return person{}, err
	case claims != nil && info["sub"] != claims["sub"]:
		return person{}, c.distrust(ctx, errors.New("the user info is about somebody else than the id token"))
	}
	if claims == nil {
		claims = map[string]any{}
	}
	maps.Copy(claims, info)
	return fromClaims(claims), nil
}

// fromClaims reads the standard claims of OpenID Connect.
func fromClaims(claims map[string]any) person {
	text := func(keys ...string) string {
		for _, k := range keys {
			if s, _ := claims[k].(string); s != "" {
				return s
			}
		}
		return ""
	}
	p := person{
		id: text("sub"), username: text("preferred_username", "nickname", "username", "login"), email: text("email"),
		name: text("name", "display_name"), picture: text("picture"), claims: claims,
	}
	// A provider that says nothing about the address vouches for it; one that
	// says no does not.
	verified, said := claims["email_verified"]
	p.vouched = !said || verified == true || verified == "true"
	return p
}

// microsoftPerson reads the id token and asks Graph for what it leaves out.
// Whoever has a tenant may write any address into it, so addresses count only
// when the portal is bound to one tenant, or Microsoft verified the domain.
func microsoftPerson(ctx context.Context, c *client, m *metadata, g grant, nonce string) (person, error) {
	var p person
	if g.IDToken != "" {
		claims, err := c.verify(ctx, m, g.IDToken, nonce, g.AccessToken)
		if err != nil {
			return person{}, err
		}
		p = fromClaims(claims)
		if oid, _ := claims["oid"].(string); oid != "" {
			p.id = oid
		}
		p.vouched = !strings.Contains(m.Issuer, tenant) || fmt.Sprint(claims["xms_edov"]) == "true" || fmt.Sprint(claims["xms_edov"]) == "1"
	} else if nonce != "" {
		return person{}, &httpx.WireError{Code: fault.Unauthenticated, Message: "Microsoft sent no id token; tell those who run the portal to ask for the scope openid"}
	}
	if c.cfg.SkipUserProfile {
		return p, nil
	}
	var me struct {
		ID, DisplayName, Mail, UserPrincipalName string
	}
	const graph = "https://graph.microsoft.com/v1.0/me"
	err := c.get(ctx, graph, g.AccessToken, &me)
	var refused *refusal
	if errors.As(err, &refused) && p.id != "" {
		return p, nil // the token is for another service than Graph
	}
	if err != nil {
		return person{}, err
	}
	p.id, p.name = orDefault(p.id, me.ID), orDefault(me.DisplayName, p.name)
	p.username = orDefault(p.username, me.UserPrincipalName)
	if shared := strings.Contains(m.Issuer, tenant); !shared || !p.vouched {
		p.email = orDefault(me.Mail, orDefault(p.email, me.UserPrincipalName))
		p.vouched = !shared
	}
	// No photo is no error.
	if photo, err := c.fetch(ctx, graph+"/photos/96x96/$value", g.AccessToken, "image/jpeg"); err == nil && len(photo) < 64<<10 && strings.HasPrefix(http.DetectContentType(photo), "image/") {
		p.picture = "data:" + http.DetectContentType(photo) + ";base64," + base64.StdEncoding.EncodeToString(photo)
	}
	return p, nil
}

// githubPerson asks GitHub. The address of the public profile is one that
// GitHub has verified; with the scope for it, the primary one is taken.
func githubPerson(ctx context.Context, c *client, m *metadata, g grant, _ string) (person, error) {
	var user struct {
		ID        json.Number `json:"id"`
		Login     string      `json:"login"`
		Name      string      `json:"name"`
		Email     string      `json:"email"`
		AvatarURL string      `json:"avatar_url"`
	}
	claims, err := c.about(ctx, m.UserInfoURL+"/user", g.AccessToken, &user)
	if err != nil {
		return person{}, err
	}
	p := person{
		id: user.ID.String(), username: user.Login, email: user.Email, name: orDefault(user.Name, user.Login), picture: user.AvatarURL,
		vouched: true, claims: claims,
	}
	var addresses []struct {
		Email             string
		Primary, Verified bool
	}
	// Without the scope this is refused, which is fine.
	if err := c.get(ctx, m.UserInfoURL+"/user/emails", g.AccessToken, &addresses); err != nil {
		return p, ignoreRefusal(err)
	}
	for _, a := range addresses {
		if a.Primary && a.Verified {
			p.email = a.Email
		}
	}
	return p, nil
}

func gitlabPerson(ctx context.Context, c *client, m *metadata, g grant, _ string) (person, error) {
	var user struct {
		ID          json.Number `json:"id"`
		Username    string      `json:"username"`
		Name        string      `json:"name"`
		Email       string      `json:"email"`
		AvatarURL   string      `json:"avatar_url"`
		ConfirmedAt *string     `json:"confirmed_at"`
	}
	claims, err := c.about(ctx, m.UserInfoURL, g.AccessToken, &user)
	if err != nil {
		return person{}, err
	}
	_, said := claims["confirmed_at"]
	return person{
		id: user.ID.String(), username: user.Username, email: user.Email, name: orDefault(user.Name, user.Username), picture: user.AvatarURL,
		vouched: !said || user.ConfirmedAt != nil, claims: claims,
	}, nil
}

func bitbucketPerson(ctx context.Context, c *client, m *metadata, g grant, _ string) (person, error) {
	var user struct {
		UUID        string `json:"uuid"`
		Username    string `json:"username"`
		DisplayName string `json:"display_name"`
		Links       struct {
			Avatar struct {
				Href string `json:"href"`
			} `json:"avatar"`
		} `json:"links"`
	}
	claims, err := c.about(ctx, m.UserInfoURL, g.AccessToken, &user)
	if err != nil {
		return person{}, err
	}
	p := person{
		id: user.UUID, username: user.Username, name: orDefault(user.DisplayName, user.Username), picture: user.Links.Avatar.Href,
		vouched: true, claims: claims,
	}
	var addresses struct {
		Values []struct {
			Email     string `json:"email"`
			Primary   bool   `json:"is_primary"`
			Confirmed bool   `json:"is_confirmed"`
		} `json:"values"`
	}
	if err := c.get(ctx, m.UserInfoURL+"/emails", g.AccessToken, &addresses); err != nil {
		return p, ignoreRefusal(err)
	}
	for _, a := range addresses.Values {
		if a.Primary && a.Confirmed {
			p.email = a.Email
		}
	}
	return p, nil
}

// bitbucketServerPerson asks who the token belongs to, and then for that user.
func bitbucketServerPerson(ctx context.Context, c *client, m *metadata, g grant, _ string) (person, error) {
	name, err := c.fetch(ctx, m.UserInfoURL+"/plugins/servlet/applinks/whoami", g.AccessToken, "text/plain")
	if err != nil {
		return person{}, err
	}
	who := strings.TrimSpace(string(name))
	if who == "" {
		return person{}, &refusal{code: "whoami knows nobody", status: http.StatusOK}
	}
	var user struct {
		ID           json.Number `json:"id"`
		Name         string      `json:"name"`
		EmailAddress string      `json:"emailAddress"`
		DisplayName  string      `json:"displayName"`
		AvatarURL    string      `json:"avatarUrl"`
	}
	claims, err := c.about(ctx, m.UserInfoURL+"/rest/api/latest/users/"+url.PathEscape(who)+"?avatarSize=256", g.AccessToken, &user)
	if err != nil {
		return person{}, err
	}
	p := person{id: user.ID.String(), username: user.Name, email: user.EmailAddress, name: orDefault(user.DisplayName, user.Name), vouched: true, claims: claims}
	if user.AvatarURL != "" {
		p.picture = m.UserInfoURL + user.AvatarURL
	}
	return p, nil
}

func atlassianPerson(ctx context.Context, c *client, m *metadata, g grant, _ string) (person, error) {
	var user struct {
		AccountID string `json:"account_id"`
		Email     string `json:"email"`
		Name      string `json:"name"`
		Nickname  string `json:"nickname"`
		Picture   string `json:"picture"`
	}
	claims, err := c.about(ctx, m.UserInfoURL, g.AccessToken, &user)
	if err != nil {
		return person{}, err
	}
	return person{id: user.AccountID, username: user.Nickname, email: user.Email, name: user.Name, picture: user.Picture, vouched: true, claims: claims}, nil
}

// plainPerson serves OAuth 2.0 servers that nothing more is known of. It asks
// the configured user info. Without one it reads the id token, if there is one:
// it came straight from the token endpoint, which is what makes it credible
// (OpenID Connect Core, 3.1.3.7), so only client and time are checked.
func plainPerson(ctx context.Context, c *client, m *metadata, g grant, nonce string) (person, error) {
	if m.UserInfoURL != "" {
		claims := map[string]any{}
		if err := c.get(ctx, m.UserInfoURL, g.AccessToken, &claims); err != nil {
			return person{}, err
		}
		p := fromClaims(claims)
		if p.id == "" {
			p.id = textOf(claims["id"])
		}
		return p, nil
	}
	if g.IDToken == "" {
		return person{}, nil
	}
	var claims map[string]any
	parts := strings.Split(g.IDToken, ".")
	raw, err := base64.RawURLEncoding.DecodeString(parts[min(1, len(parts)-1)])
	if err != nil || len(parts) != 3 || json.Unmarshal(raw, &claims) != nil {
		return person{}, c.distrust(ctx, errors.New("the id token cannot be read"))
	}
	exp, _ := claims["exp"].(float64)
	got, _ := claims["nonce"].(string)
	switch {
	case !audienceHas(claims["aud"], c.cfg.ClientID):
		err = errors.New("the id token was made for another client (aud)")
	case int64(exp) < c.clock().Add(-clockSkew).Unix():
		err = errors.New("the id token has expired")
	case nonce != "" && got != "" && !same(got, nonce):
		err = errors.New("the id token answers another request (nonce)")
	}
	if err != nil {
		return person{}, c.distrust(ctx, err)
	}
	return fromClaims(claims), nil
}

func audienceHas(aud any, client string) bool {
	list, ok := aud.([]any)
	if !ok {
		list = []any{aud}
	}
	for _, a := range list {
		if a == client {
			return true
		}
	}
	return false
}

// textOf renders ids, which some servers send as numbers.
func textOf(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case float64:
		return fmt.Sprintf("%.0f", v)
	}
	return ""
}

// about asks for a user and returns all that was answered besides what into
// wants.
func (c *client) about(ctx context.Context, endpoint, accessToken string, into any) (map[string]any, error) {
	var raw json.RawMessage
	if err := c.get(ctx, endpoint, accessToken, &raw); err != nil {
		return nil, err
	}
	claims := map[string]any{}
	if json.Unmarshal(raw, into) != nil || json.Unmarshal(raw, &claims) != nil {
		return nil, fmt.Errorf("%s answered no user", endpoint)
	}
	return claims, nil
}

func ignoreRefusal(err error) error {
	var refused *refusal
	if errors.As(err, &refused) {
		return nil
	}
	return err
}
