package access

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"

	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/identity/internal/token"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// algorithms are those whose keys can be published. A shared secret cannot.
var algorithms = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}

// issuer is somebody else whose tokens are trusted: an external caller of the
// type jwks.
type issuer struct {
	keys       *keySet
	algorithms []string
	issuers    []string // empty: any
	audiences  []string // empty: any
	prefix     string
	principal  identity.Principal // without a subject
}

func newIssuer(at string, raw json.RawMessage, p identity.Principal, d Deps) (*issuer, error) {
	var o struct {
		URL           string     `json:"url"`
		Issuer        stringList `json:"issuer"`
		Algorithm     stringList `json:"algorithm"`
		Audience      stringList `json:"audience"`
		SubjectPrefix string     `json:"subjectPrefix"`
	}
	if err := decodeStrict(at, raw, &o, "url", "issuer", "algorithm", "audience", "subjectPrefix"); err != nil {
		return nil, err
	}
	u, err := url.Parse(o.URL)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || !word(o.URL) {
		return nil, fault.Newf(fault.Invalid, "%s.url: must be the http or https URL of a JSON Web Key Set", at)
	}
	if o.SubjectPrefix != "" && !word(o.SubjectPrefix) {
		return nil, fault.Newf(fault.Invalid, "%s.subjectPrefix: must be a word", at)
	}
	for _, alg := range o.Algorithm {
		if !slices.Contains(algorithms, alg) {
			return nil, fault.Newf(fault.Invalid, "%s.algorithm: %q is not an algorithm with public keys; use %s", at, alg, strings.Join(algorithms, ", "))
		}
	}
	is := &issuer{
		keys: newKeySet(at, u, d), algorithms: o.Algorithm, issuers: o.Issuer, audiences: o.Audience,
		prefix: "external:", principal: p,
	}
	if len(is.algorithms) == 0 {
		is.algorithms = algorithms
	}
	if o.SubjectPrefix != "" {
		is.prefix += o.SubjectPrefix + ":"
	}
	return is, nil
}

// signed reports whether the issuer signed the token, whose claims hold
// otherwise. What the claims rule out costs no look at the keys.
func (is *issuer) signed(ctx context.Context, bearer string, t token.JWS, claims token.Claims) (bool, error) {
	switch {
	case !slices.Contains(is.algorithms, t.Algorithm),
		len(is.issuers) > 0 && !slices.Contains(is.issuers, claims.Issuer),
		len(is.audiences) > 0 && !slices.ContainsFunc(is.audiences, claims.For),
		!word(claims.Subject) || len(claims.Subject) > 1024:
		return false, nil
	}
	key, err := is.keys.find(ctx, t.KeyID, t.Algorithm)
	if key == nil || err != nil {
		return false, err
	}
	parsed, err := jose.ParseSignedCompact(bearer, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(t.Algorithm)})
	if err != nil {
		return false, nil //nolint:nilerr // what is no token was signed by nobody
	}
	_, err = parsed.Verify(key.Key)
	return err == nil, nil
}
