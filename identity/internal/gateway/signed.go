package gateway

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/identity/internal/signin"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// The headers of AWS load balancers.
const (
	albData  = "X-Amzn-Oidc-Data"
	albToken = "X-Amzn-Oidc-Accesstoken" //nolint:gosec // the name of a header
)

// refused is the error of an assertion that does not hold. Keys that cannot be
// had say nothing about the assertion and stay what they are.
func refused(message string, err error) error {
	if fault.Is(err, fault.Unavailable) {
		return err
	}
	return fault.Newf(fault.Unauthenticated, "%s: %w", message, err)
}

// newALB verifies what an AWS Application Load Balancer says about the person
// it has signed in. Every load balancer of the region signs with the same keys,
// so without the key signer anybody's load balancer would do.
func newALB(s settings, d Deps) (recognise, error) {
	issuer, err := s.text("issuer")
	if err != nil {
		return nil, err
	}
	region, err := s.text("region")
	if err != nil {
		return nil, err
	}
	var signer, base string
	for key, into := range map[string]*string{"signer": &signer, "publicKeysUrl": &base} {
		if err := s.cfg.Decode(s.path(key), into); err != nil {
			return nil, err
		}
	}
	if !plainKeyID(region) {
		return nil, fault.Newf(fault.Invalid, "%s: %q is not a region", s.path("region"), region)
	}
	if base == "" {
		base = albKeys(region)
	}
	if signer == "" {
		d.Logger.Warn("auth.providers.awsalb.signer is not set: assertions of every load balancer in the region are accepted; set it to the load balancer's ARN")
	}
	keys := newSingleKeys(base, d)
	return func(ctx context.Context, r *http.Request) (signin.Account, error) {
		tokens := map[string]string{}
		for _, name := range []string{albData, albToken} {
			v, err := single(r, name)
			if err != nil {
				return signin.Account{}, err
			}
			if v == "" {
				return signin.Account{}, fault.Newf(fault.Unauthenticated, "Missing ALB OIDC header: %s", strings.ToLower(name))
			}
			tokens[name] = v
		}
		a, err := verify(ctx, tokens[albData], es256, keys.key)
		if err != nil {
			return signin.Account{}, refused("Exception occurred during JWT processing", err)
		}
		return albAccount(a, issuer, signer, tokens[albToken], d.Clock())
	}, nil
}

func albAccount(a assertion, issuer, signer, accessToken string, now time.Time) (signin.Account, error) {
	if a.claims["exp"] == nil {
		a.claims["exp"] = a.header["exp"] // where load balancers have it for certain
	}
	switch err := inTime(a.claims, now); {
	case err != nil:
		return signin.Account{}, refused("Exception occurred during JWT processing", err)
	case a.claims["iss"] != issuer:
		return signin.Account{}, fault.New(fault.Unauthenticated, "Issuer mismatch on JWT token")
	case signer != "" && a.header["signer"] != signer:
		return signin.Account{}, fault.New(fault.Unauthenticated, "Signer mismatch on JWT token")
	case text(a.claims, "email") == "":
		return signin.Account{}, fault.New(fault.Unauthenticated, "Missing email in the JWT token")
	}
	email := text(a.claims, "email")
	username, _, _ := strings.Cut(email, "@")
	account := signin.Account{
		ID: text(a.claims, "sub"), Username: username, Email: email, Claims: a.claims,
		Profile: signin.Profile{Email: email, DisplayName: text(a.claims, "name"), Picture: text(a.claims, "picture")},
		Info:    &signin.ProviderInfo{AccessToken: accessToken, Expires: left(a.claims, now)},
	}
	if account.Profile.DisplayName == "" {
		account.Profile.DisplayName = username
	}
	if v := a.claims["email_verified"]; v == false || v == "false" {
		account.Email, account.Username = "", "" // the issuer does not vouch for it
	}
	return account, nil
}

// left is how many seconds the assertion lasts.
func left(claims map[string]any, now time.Time) int64 {
	end, _ := claims["exp"].(float64)
	return max(0, int64(end)-now.Unix())
}

// albKeys is where the keys of the region's load balancers are.
func albKeys(region string) string {
	if strings.HasPrefix(region, "us-gov") {
		return "https://s3-" + region + ".amazonaws.com/aws-elb-public-keys-prod-" + region
	}
	return "https://public-keys.auth.elb." + region + ".amazonaws.com"
}

// iapHeader is where Google's Identity-Aware Proxy puts its assertion.
const iapHeader = "X-Goog-Iap-Jwt-Assertion"

// newIAP verifies what Google's Identity-Aware Proxy says about the person.
func newIAP(s settings, d Deps) (recognise, error) {
	audience, err := s.text("audience")
	if err != nil {
		return nil, err
	}
	header, address := iapHeader, "https://www.gstatic.com/iap/verify/public_key"
	for key, into := range map[string]*string{"jwtHeader": &header, "publicKeysUrl": &address} {
		if err := s.cfg.Decode(s.path(key), into); err != nil {
			return nil, err
		}
	}
	keys := &keySet{address: address, parse: parsePEMs, client: d.Client, clock: d.Clock}
	return func(ctx context.Context, r *http.Request) (signin.Account, error) {
		token, err := single(r, header)
		if err != nil {
			return signin.Account{}, err
		}
		if token == "" {
			return signin.Account{}, fault.New(fault.Unauthenticated, "Missing Google IAP header")
		}
		a, err := verify(ctx, token, es256, keys.key)
		if err == nil {
			err = inTime(a.claims, d.Clock())
		}
		switch {
		case err != nil:
		case a.claims["iss"] != "https://cloud.google.com/iap":
			err = errors.New("the issuer is wrong")
		case !meant(a.claims, audience):
			err = errors.New("the token is for another audience")
		}
		if err != nil {
			return signin.Account{}, refused("Google IAP token verification failed", err)
		}
		id, email := text(a.claims, "sub"), text(a.claims, "email")
		if id == "" {
			return signin.Account{}, fault.New(fault.Unauthenticated, "Google IAP token payload is missing subject claim")
		}
		if email == "" {
			return signin.Account{}, fault.New(fault.Unauthenticated, "Google IAP token payload is missing email claim")
		}
		// Identities of Identity Platform come with the name of their provider.
		email = email[strings.LastIndexByte(email, ':')+1:]
		username, _, _ := strings.Cut(email, "@")
		return signin.Account{
			ID: id, Username: username, Email: email, Claims: a.claims, Profile: signin.Profile{Email: email},
			Info: &signin.ProviderInfo{More: map[string]any{"iapToken": a.claims}},
		}, nil
	}, nil
}
