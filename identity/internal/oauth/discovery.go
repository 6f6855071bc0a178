package oauth

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/httpx"
)

const (
	wellKnown = "/.well-known/openid-configuration"
	// metadataLife is how long a discovery document is used before it is read
	// again; while that fails, the old one stays.
	metadataLife = 6 * time.Hour
	// retryPause spaces attempts while the provider does not answer.
	retryPause = time.Second
	// clockSkew is how far the provider's clock may be off: an id token is
	// taken that long after it expired and that long before it was issued.
	clockSkew = time.Minute
)

// metadata is what a discovery document says, or what is known without one.
type metadata struct {
	Issuer        string   `json:"issuer"`
	AuthURL       string   `json:"authorization_endpoint"`
	TokenURL      string   `json:"token_endpoint"`
	JWKSURL       string   `json:"jwks_uri"`
	UserInfoURL   string   `json:"userinfo_endpoint"`
	RevocationURL string   `json:"revocation_endpoint"`
	Algorithms    []string `json:"id_token_signing_alg_values_supported"`
	Scopes        []string `json:"scopes_supported"`
	IssInAnswer   bool     `json:"authorization_response_iss_parameter_supported"`

	keys *oidc.RemoteKeySet
}

// discovery reads the document when it is needed first, and then rarely. Safe
// for concurrent use.
type discovery struct {
	url string

	reading sync.Mutex // held while the document is read

	mu     sync.Mutex
	doc    *metadata
	due    time.Time
	failed error
}

// metadata returns the endpoints of the provider.
func (c *client) metadata(ctx context.Context) (*metadata, error) {
	if c.discovery == nil {
		return &c.static, nil
	}
	d := c.discovery
	doc, due, err := d.current(c.clock())
	if !due {
		return doc, err
	}
	// Who has an old document need not wait for somebody else to read it again.
	if doc == nil {
		d.reading.Lock()
	} else if !d.reading.TryLock() {
		return doc, nil
	}
	defer d.reading.Unlock()
	if doc, due, err = d.current(c.clock()); !due {
		return doc, err
	}
	// The document is shared: one caller's impatience must not fail the others.
	fresh, err := c.discover(context.WithoutCancel(ctx), d.url)
	if err != nil {
		err = c.explain(ctx, "reading "+d.url, err)
	}
	return d.take(fresh, err, c.clock())
}

// current returns what is known, and whether it is time to read again.
func (d *discovery) current(now time.Time) (doc *metadata, due bool, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.doc != nil {
		return d.doc, !now.Before(d.due), nil
	}
	return nil, !now.Before(d.due), d.failed
}

// take keeps what an attempt gave, which ended now: with the time of its start,
// one that took long would be followed by the next at once.
func (d *discovery) take(fresh *metadata, failed error, now time.Time) (*metadata, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if failed != nil {
		d.due, d.failed = now.Add(retryPause), failed
		if d.doc == nil {
			return nil, failed
		}
		return d.doc, nil
	}
	if d.doc != nil && d.doc.JWKSURL == fresh.JWKSURL {
		fresh.keys = d.doc.keys
	}
	d.doc, d.due = fresh, now.Add(metadataLife)
	return fresh, nil
}

// discover reads the document, twice if the first attempt fails: connections
// that went stale are not worth an error.
func (c *client) discover(ctx context.Context, address string) (*metadata, error) {
	body, err := c.fetch(ctx, address, "", "application/json")
	var network *url.Error
	if errors.As(err, &network) && !network.Timeout() {
		body, err = c.fetch(ctx, address, "", "application/json")
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errDown, err)
	}
	m := &metadata{}
	if err := json.Unmarshal(body, m); err != nil {
		return nil, fmt.Errorf("%w: %s is no discovery document", errDown, address)
	}
	for name, endpoint := range map[string]string{
		"issuer": m.Issuer, "authorization_endpoint": m.AuthURL, "token_endpoint": m.TokenURL, "jwks_uri": m.JWKSURL,
	} {
		if endpoint == "" {
			return nil, fmt.Errorf("%w: %s has no %s", errDown, address, name)
		}
		if strings.HasPrefix(address, "https:") && !strings.HasPrefix(endpoint, "https:") {
			return nil, fmt.Errorf("%w: %s leads from https to %s", errDown, address, endpoint)
		}
	}
	m.keys = oidc.NewRemoteKeySet(oidc.ClientContext(context.WithoutCancel(ctx), c.http), m.JWKSURL)
	return m, nil
}

// tenant stands in the issuer of Microsoft's shared endpoints for the tenant of
// the person.
const tenant = "{tenantid}"

// verify checks an id token and returns its claims. With a nonce the token must
// carry it; tokens of a refresh carry none.
func (c *client) verify(ctx context.Context, m *metadata, raw, nonce, accessToken string) (map[string]any, error) {
	now := c.clock()
	shared := strings.Contains(m.Issuer, tenant)
	verifier := oidc.NewVerifier(m.Issuer, m.keys, &oidc.Config{
		ClientID: c.cfg.ClientID, SupportedSigningAlgs: c.algorithms(m), SkipIssuerCheck: shared,
		Now: func() time.Time { return now.Add(-clockSkew) },
	})
	token, err := verifier.Verify(ctx, raw)
	if err != nil {
		return nil, c.distrust(ctx, err)
	}
	claims := map[string]any{}
	if err := token.Claims(&claims); err != nil {
		return nil, c.distrust(ctx, err)
	}
	party, _ := claims["azp"].(string)
	tid, _ := claims["tid"].(string)
	switch {
	case shared && (tid == "" || token.Issuer != strings.ReplaceAll(m.Issuer, tenant, tid)):
		err = errors.New("the id token is of another issuer")
	case token.Subject == "":
		err = errors.New("the id token has no subject")
	case nonce != "" && !same(token.Nonce, nonce):
		err = errors.New("the id token answers another request (nonce)")
	case party != "" && party != c.cfg.ClientID:
		err = errors.New("the id token was made for another client (azp)")
	case token.IssuedAt.After(now.Add(clockSkew)):
		err = errors.New("the id token is issued in the future: the clocks of the portal and of the identity provider differ")
	case token.AccessTokenHash != "" && accessToken != "":
		if token.VerifyAccessToken(accessToken) != nil {
			err = errors.New("the id token belongs to another access token (at_hash)")
		}
	}
	if err != nil {
		return nil, c.distrust(ctx, err)
	}
	return claims, nil
}

// algorithms are those that an id token may be signed with: the configured one
// or the asymmetric ones that the provider announces.
func (c *client) algorithms(m *metadata) []string {
	if c.cfg.TokenSignedResponseAlg != "" {
		return []string{c.cfg.TokenSignedResponseAlg}
	}
	var out []string
	for _, alg := range m.Algorithms {
		if slices.Contains(asymmetric, alg) {
			out = append(out, alg)
		}
	}
	return out
}

var asymmetric = []string{oidc.RS256, oidc.RS384, oidc.RS512, oidc.ES256, oidc.ES384, oidc.ES512, oidc.PS256, oidc.PS384, oidc.PS512, oidc.EdDSA}

// distrust is the error for an id token that does not pass.
func (c *client) distrust(ctx context.Context, err error) error {
	var (
		network *url.Error
		expired *oidc.TokenExpiredError
	)
	if errors.As(err, &network) || errors.Is(err, errDown) || errors.Is(err, context.DeadlineExceeded) {
		return c.explain(ctx, "reading its keys", err)
	}
	c.log.WarnContext(ctx, "id token refused", "provider", c.id, "env", c.env, "error", err)
	why := "; start again, and tell those who run the portal if it happens twice"
	if errors.As(err, &expired) {
		why = ": it has expired. The clocks of the portal and of the identity provider may differ; start again, and tell those who run the portal if it happens twice"
	}
	return &httpx.WireError{Code: fault.Unauthenticated, Err: err, Message: "What " + c.title + " says about you cannot be trusted" + why}
}

// fingerprint names a secret without telling it.
func fingerprint(parts ...string) [sha256.Size]byte {
	return sha256.Sum256([]byte(strings.Join(parts, "\x00")))
}
