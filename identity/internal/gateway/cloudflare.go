package gateway

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/stagedoor/stagedoor/identity/internal/signin"
	"github.com/stagedoor/stagedoor/internal/fault"
)

const (
	// identityLife is how long what Cloudflare says about a person is believed
	// for the same assertion.
	identityLife = 5 * time.Minute
	// maxIdentities bounds those that are remembered.
	maxIdentities = 1024
)

// cloudflare verifies the assertions of Cloudflare Access and asks it for more
// about the person.
type cloudflare struct {
	origin   string // of the team
	audience string
	header   string
	cookie   string
	services []serviceToken
	keys     *keySet
	client   *http.Client
	clock    func() time.Time

	mu    sync.Mutex
	known map[[sha256.Size]byte]heldIdentity
}

// serviceToken admits a machine under the name of a user's e-mail address.
type serviceToken struct {
	Token   string `json:"token"`
	Subject string `json:"subject"`
}

// cloudflareIdentity is the answer of the identity endpoint.
type cloudflareIdentity struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Email  string `json:"email"`
	Groups []any  `json:"groups,omitempty"`
}

type heldIdentity struct {
	identity cloudflareIdentity
	until    time.Time
}

func newCloudflare(s settings, d Deps) (recognise, error) {
	team, err := s.text("teamName")
	if err != nil {
		return nil, err
	}
	if strings.ContainsFunc(team, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '.'
	}) {
		return nil, fault.Newf(fault.Invalid, "%s: %q is not the name of a team", s.path("teamName"), team)
	}
	c := &cloudflare{
		origin: "https://" + team + ".cloudflareaccess.com", header: "Cf-Access-Jwt-Assertion", cookie: "CF_Authorization",
		client: d.Client, clock: d.Clock, known: map[[sha256.Size]byte]heldIdentity{},
	}
	if c.audience, err = s.text("audience"); err != nil {
		return nil, err
	}
	for key, into := range map[string]any{"jwtHeaderName": &c.header, "authorizationCookieName": &c.cookie, "serviceTokens": &c.services} {
		if err := s.cfg.Decode(s.path(key), into); err != nil {
			return nil, err
		}
	}
	for _, st := range c.services {
		if st.Token == "" || st.Subject == "" {
			return nil, fault.Newf(fault.Invalid, "%s: an entry needs token and subject", s.path("serviceTokens"))
		}
	}
	c.keys = &keySet{address: c.origin + "/cdn-cgi/access/certs", parse: parseJWKS, client: d.Client, clock: d.Clock}
	return c.recognise, nil
}

func (c *cloudflare) recognise(ctx context.Context, r *http.Request) (signin.Account, error) {
	token, err := single(r, c.header)
	if err != nil {
		return signin.Account{}, err
	}
	if token == "" {
		if cookie, err := r.Cookie(c.cookie); err == nil {
			token = cookie.Value
		}
	}
	if token == "" {
		return signin.Account{}, fault.Newf(fault.Unauthenticated, "Missing %s and %s from Cloudflare Access", strings.ToLower(c.header), c.cookie)
	}
	a, err := verify(ctx, token, rs256, c.keys.key)
	now := c.clock()
	if err == nil {
		err = inTime(a.claims, now)
	}
	switch {
	case err != nil:
		return signin.Account{}, refused("Cloudflare Access token verification failed", err)
	case a.claims["iss"] != c.origin:
		return signin.Account{}, fault.New(fault.Unauthenticated, "Cloudflare Access token verification failed: the issuer is wrong")
	case !meant(a.claims, c.audience):
		return signin.Account{}, fault.New(fault.Unauthenticated, "Cloudflare Access token verification failed: the token is for another audience")
	}
	who, err := c.person(ctx, token, a.claims)
	if err != nil {
		return signin.Account{}, err
	}
	username, _, _ := strings.Cut(who.Email, "@")
	claims := maps.Clone(a.claims)
	claims["groups"] = who.Groups
	return signin.Account{
		ID: who.ID, Username: username, Email: who.Email, Claims: claims,
		Profile: signin.Profile{Email: who.Email, DisplayName: who.Name},
		// The assertion itself stays out of the reach of scripts.
		Info: &signin.ProviderInfo{Expires: left(a.claims, now), More: map[string]any{"claims": a.claims, "cfIdentity": who}},
	}, nil
}

// person is who the claims are about. Tokens of machines have no subject, only
// the name of a service token, which must be one of those configured.
func (c *cloudflare) person(ctx context.Context, token string, claims map[string]any) (cloudflareIdentity, error) {
	if subject := text(claims, "sub"); subject != "" {
		who, err := c.identity(ctx, token, claims)
		if who.ID == "" {
			who.ID = subject
		}
		return who, err
	}
	name := text(claims, "common_name")
	if name == "" {
		return cloudflareIdentity{}, fault.New(fault.Unauthenticated, "Missing both sub and common_name from Cloudflare Access JWT")
	}
	for _, st := range c.services {
		if st.Token == name {
			return cloudflareIdentity{ID: name, Name: "Bot", Email: st.Subject}, nil
		}
	}
	return cloudflareIdentity{}, fault.Newf(fault.Unauthenticated, "%s is not a permitted Service Token.", name)
}

// identity asks Cloudflare about the person, once in a while per assertion.
func (c *cloudflare) identity(ctx context.Context, token string, claims map[string]any) (cloudflareIdentity, error) {
	key, now := sha256.Sum256([]byte(token)), c.clock()
	c.mu.Lock()
	held, ok := c.known[key]
	c.mu.Unlock()
	if ok && now.Before(held.until) {
		return held.identity, nil
	}
	body, status, err := get(ctx, c.client, c.origin+"/cdn-cgi/access/get-identity", http.Header{
		http.CanonicalHeaderKey(c.header): {token}, "Cookie": {c.cookie + "=" + token},
	})
	if err != nil {
		return cloudflareIdentity{}, err
	}
	var who cloudflareIdentity
	switch {
	case status >= http.StatusInternalServerError:
		return who, fault.Newf(fault.Unavailable, "Failed to populate access identity information: status %d", status)
	case status != http.StatusOK || json.Unmarshal(body, &who) != nil:
		return who, fault.New(fault.Unauthenticated, "Failed to populate access identity information")
	}
	if email := text(claims, "email"); email != "" && who.Email != "" && !strings.EqualFold(email, who.Email) {
		return who, fault.New(fault.Unauthenticated, "Cloudflare Access names two e-mail addresses")
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.known) >= maxIdentities {
		clear(c.known)
	}
	c.known[key] = heldIdentity{who, now.Add(min(identityLife, time.Duration(left(claims, now))*time.Second))}
	return who, nil
}
