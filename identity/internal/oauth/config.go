package oauth

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/secret"
	"github.com/stagedoor/stagedoor/plugin"
)

// Config is auth.providers.<id>.<env>. Keys are Backstage's, except for
// userInfoUrl, which is ours. A kind reads what its row in the table says.
type Config struct {
	ClientID         string          `json:"clientId"`
	ClientSecret     secret.Text     `json:"clientSecret"`
	CallbackURL      string          `json:"callbackUrl"`
	AdditionalScopes Scopes          `json:"additionalScopes"`
	SessionDuration  plugin.Duration `json:"sessionDuration"`
	Timeout          plugin.Duration `json:"timeout"`
	Prompt           string          `json:"prompt"`

	MetadataURL             string            `json:"metadataUrl"`
	TokenEndpointAuthMethod string            `json:"tokenEndpointAuthMethod"`
	TokenSignedResponseAlg  string            `json:"tokenSignedResponseAlg"`
	StartURLSearchParams    map[string]string `json:"startUrlSearchParams"`

	AuthorizationURL string `json:"authorizationUrl"`
	TokenURL         string `json:"tokenUrl"`
	UserInfoURL      string `json:"userInfoUrl"`
	IncludeBasicAuth bool   `json:"includeBasicAuth"`
	DisableRefresh   bool   `json:"disableRefresh"`

	Audience              string `json:"audience"`
	AuthServerID          string `json:"authServerId"`
	IDP                   string `json:"idp"`
	Domain                string `json:"domain"`
	Organization          string `json:"organization"`
	Connection            string `json:"connection"`
	ConnectionScope       string `json:"connectionScope"`
	FederatedLogout       bool   `json:"federatedLogout"`
	Issuer                string `json:"issuer"`
	TenantID              string `json:"tenantId"`
	DomainHint            string `json:"domainHint"`
	LoginHint             string `json:"loginHint"`
	SkipUserProfile       bool   `json:"skipUserProfile"`
	EnterpriseInstanceURL string `json:"enterpriseInstanceUrl"`
	Host                  string `json:"host"`

	// Scope is refused where Backstage refuses it.
	Scope json.RawMessage `json:"scope"`
}

// Scopes is a list of scopes, or text with spaces or commas between them.
type Scopes []string

// UnmarshalJSON reads either form.
func (s *Scopes) UnmarshalJSON(data []byte) error {
	var list []string
	if json.Unmarshal(data, &list) == nil {
		*s = list
		return nil
	}
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return fmt.Errorf("expected a list of scopes or text")
	}
	*s = splitScope(text)
	return nil
}

// splitScope splits text as Backstage does.
func splitScope(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \t\r\n|,", r) })
}

// joinScopes joins the scopes, each once, in order.
func joinScopes(groups ...[]string) string {
	var all []string
	for _, group := range groups {
		for _, s := range group {
			if !slices.Contains(all, s) {
				all = append(all, s)
			}
		}
	}
	return strings.Join(all, " ")
}

// reserved are the parameters of the start that a configuration cannot change.
var reserved = []string{"client_id", "redirect_uri", "response_type", "response_mode", "state", "nonce", "scope", "code_challenge", "code_challenge_method", "request", "request_uri"}

// check refuses what every kind needs and does not find.
func (c *Config) check() error {
	for key, value := range map[string]string{"clientId": c.ClientID, "clientSecret": c.ClientSecret.Reveal()} {
		if value == "" && (key == "clientId" || c.TokenEndpointAuthMethod != "none") {
			return fault.Newf(fault.Invalid, "%s is missing or empty; if it comes from a variable, set that", key)
		}
	}
	for key := range c.StartURLSearchParams {
		if slices.Contains(reserved, key) {
			return fault.Newf(fault.Invalid, "startUrlSearchParams: %s belongs to the protocol and cannot be set", key)
		}
	}
	if c.Timeout < 0 || c.SessionDuration < 0 {
		return fault.New(fault.Invalid, "timeout and sessionDuration cannot be negative")
	}
	switch c.TokenEndpointAuthMethod {
	case "", authBasic, authPost, authNone:
	default:
		return fault.Newf(fault.Invalid, "tokenEndpointAuthMethod: expected %s, %s or %s, found %q", authBasic, authPost, authNone, c.TokenEndpointAuthMethod)
	}
	return nil
}

// absolute checks a URL of the configuration and returns it without a slash at
// the end. What is missing a scheme gets https.
func absolute(key, text string) (string, error) {
	if text == "" {
		return "", fault.Newf(fault.Invalid, "%s is missing or empty; if it comes from a variable, set that", key)
	}
	if !strings.Contains(text, "://") {
		text = "https://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || (u.Scheme != "https" && u.Scheme != "http") {
		return "", fault.Newf(fault.Invalid, "%s: expected an http or https URL, found %q", key, text)
	}
	return strings.TrimRight(text, "/"), nil
}
