package access

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// minTokenLength is the shortest static token that is accepted, as a guard
// against placeholders.
const minTokenLength = 8

// ExternalConfig is one entry of backend.auth.externalAccess.
type ExternalConfig struct {
	Type    string `json:"type"`
	Options struct {
		Token   string `json:"token"`
		Subject string `json:"subject"`
	} `json:"options"`
	AccessRestrictions []RestrictionConfig `json:"accessRestrictions"`
}

// RestrictionConfig is one entry of accessRestrictions.
type RestrictionConfig struct {
	Plugin              string     `json:"plugin"`
	Permission          stringList `json:"permission"`
	PermissionAttribute struct {
		Action stringList `json:"action"`
	} `json:"permissionAttribute"`
}

// stringList reads one string or a list of strings; a single string may hold
// several, separated by commas or blanks.
type stringList []string

// UnmarshalJSON reads either form.
func (s *stringList) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*s = strings.FieldsFunc(one, func(r rune) bool { return r == ',' || r == ' ' })
		return nil
	}
	var many []string
	if err := json.Unmarshal(data, &many); err != nil {
		return fmt.Errorf("want a string or a list of strings: %w", err)
	}
	*s = many
	return nil
}

// staticCaller is an external caller with a token that never changes.
type staticCaller struct {
	sum       [sha256.Size]byte
	principal identity.Principal
}

// Callers are the external callers of one configuration.
type Callers struct {
	static []staticCaller
	// Ignored names the entries of types that exist elsewhere but not here, so
	// that whoever starts the portal can be told.
	Ignored []string
}

// NewCallers checks the configured external callers. A type that nobody knows
// is an error: ignoring it would lock a caller out silently.
func NewCallers(configs []ExternalConfig) (*Callers, error) {
	c := &Callers{}
	for i, cfg := range configs {
		where := fmt.Sprintf("backend.auth.externalAccess[%d]", i)
		switch cfg.Type {
		case "static":
		case "legacy", "jwks":
			c.Ignored = append(c.Ignored, where+" (type "+cfg.Type+")")
			continue
		default:
			return nil, fault.Newf(fault.Invalid, "%s: type %q is not known; use static", where, cfg.Type)
		}
		if len(cfg.Options.Token) < minTokenLength || strings.ContainsAny(cfg.Options.Token, " \t\n") {
			return nil, fault.Newf(fault.Invalid, "%s: the token must have at least %d characters and no blanks", where, minTokenLength)
		}
		if cfg.Options.Subject == "" || strings.ContainsAny(cfg.Options.Subject, " \t\n") {
			return nil, fault.Newf(fault.Invalid, "%s: the subject must be a word", where)
		}
		p := identity.Principal{Kind: identity.Service, Subject: cfg.Options.Subject}
		for _, r := range cfg.AccessRestrictions {
			if r.Plugin == "" {
				return nil, fault.Newf(fault.Invalid, "%s: an access restriction must name its plugin", where)
			}
			p.Access = append(p.Access, identity.Access{Plugin: r.Plugin, Permissions: r.Permission, Actions: r.PermissionAttribute.Action})
		}
		c.static = append(c.static, staticCaller{sha256.Sum256([]byte(cfg.Options.Token)), p})
	}
	return c, nil
}

// find returns the caller with the token. Every token is compared, in constant
// time, so that time tells nothing.
func (c *Callers) find(token string) (identity.Principal, bool) {
	sum := sha256.Sum256([]byte(token))
	found := -1
	for i := range c.static {
		if subtle.ConstantTimeCompare(sum[:], c.static[i].sum[:]) == 1 {
			found = i
		}
	}
	if found < 0 {
		return identity.Principal{}, false
	}
	return c.static[found].principal, true
}
