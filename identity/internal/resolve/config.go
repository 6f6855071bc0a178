package resolve

import (
	"fmt"
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/catalog"
)

// Config is what the configuration says about accounts and users.
type Config struct {
	// Settings hold for everybody that no provider's settings cover.
	Settings Settings
	// Providers are the resolvers by [Key], in the order in which they are
	// tried, with the settings that hold for them filled in.
	Providers map[string][]Entry
}

// Key is the key of a provider's resolvers in [Config]. The environment is
// empty for providers that have none, and for the environment that is meant
// when an account names none.
func Key(provider, env string) string {
	if env == "" {
		return provider
	}
	return provider + "/" + env
}

// Settings may stand below stagedoor.auth, in the signIn block of a provider
// and in the entry of a resolver; the innermost wins.
type Settings struct {
	// UserNamespace is the namespace that users are looked for and made in.
	// When it is empty, names are looked for in the namespace default and
	// e-mail addresses and annotations everywhere.
	UserNamespace Namespace `json:"userNamespace"`
	// DefaultOwnership is what every user owns things by, besides itself and
	// its groups.
	DefaultOwnership []OwnerRef `json:"defaultOwnership"`
	// Ownership says how far up groups count.
	Ownership Mode `json:"ownership"`
}

// Or fills what s leaves open from outer.
func (s Settings) Or(outer Settings) Settings {
	if s.UserNamespace == "" {
		s.UserNamespace = outer.UserNamespace
	}
	if s.DefaultOwnership == nil {
		s.DefaultOwnership = outer.DefaultOwnership
	}
	if s.Ownership == "" {
		s.Ownership = outer.Ownership
	}
	return s
}

func (s Settings) namespace() string {
	if s.UserNamespace == "" {
		return catalog.DefaultNamespace
	}
	return string(s.UserNamespace)
}

// Entry is one item of signIn.resolvers.
type Entry struct {
	Settings
	// Resolver is one of [Names] of the provider.
	Resolver string `json:"resolver"`
	// AllowedDomains, if any, are the domains of which the account's e-mail
	// address must be, whatever the resolver looks at.
	AllowedDomains []string `json:"allowedDomains"`
	// WithoutUser lets people in whom the catalog does not know. They become
	// the user that the resolver looked for.
	WithoutUser bool `json:"dangerouslyAllowSignInWithoutUserInCatalog"`
	// Synthetic is the same with a choice of the name.
	Synthetic Synthetic `json:"syntheticUser"`
	// LDAPKey is the claim that oidcLdapUuidMatchingAnnotation reads; default
	// ldap_uuid.
	LDAPKey string `json:"ldapUuidKey"`
}

// Namespace is the name of a namespace.
type Namespace string

// UnmarshalText refuses what no entity's namespace can be.
func (n *Namespace) UnmarshalText(text []byte) error {
	s := string(text)
	valid := len(s) >= 1 && len(s) <= 63 && s[0] != '-' && s[len(s)-1] != '-' &&
		!strings.ContainsFunc(s, func(c rune) bool { return (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' })
	if !valid {
		return fmt.Errorf("%q is not a namespace: write lower-case letters, digits and dashes, at most 63", s)
	}
	*n = Namespace(s)
	return nil
}

// OwnerRef is a rendered entity ref. What is written without a kind is a
// group.
type OwnerRef string

// UnmarshalText refuses what is no entity ref.
func (o *OwnerRef) UnmarshalText(text []byte) error {
	ref, err := catalog.ParseRef(string(text), catalog.RefDefaults{Kind: "group"})
	if err != nil {
		return err
	}
	if !validName(ref.Kind) || !validName(ref.Namespace) || !validName(ref.Name) {
		return fmt.Errorf("%q is not an entity reference: write group:<namespace>/<name>", text)
	}
	*o = OwnerRef(ref.String())
	return nil
}

// Mode says how far up groups count for ownership.
type Mode string

// The modes. The zero Mode is Direct.
const (
	Direct   Mode = "direct"   // the groups that the user is a member of
	Ancestry Mode = "ancestry" // those, and the groups above them
)

// UnmarshalText refuses other words.
func (m *Mode) UnmarshalText(text []byte) error {
	if got := Mode(text); got == Direct || got == Ancestry {
		*m = got
		return nil
	}
	return fmt.Errorf("expected %s or %s, found %q", Direct, Ancestry, text)
}

// Synthetic says what a user without an entity is called: by what the resolver
// looked for ("true"), or by one of [syntheticNames]. The zero value makes no
// such user.
type Synthetic string

// syntheticNames are what the name of a user without an entity can be taken
// from.
var syntheticNames = []string{"email", "emailLocalPart", "username"}

// UnmarshalJSON reads true, false or one of the words.
func (s *Synthetic) UnmarshalJSON(data []byte) error {
	switch word := strings.Trim(string(data), `"`); {
	case word == "false" || word == "":
		*s = ""
	case word == "true", slices.Contains(syntheticNames, word):
		*s = Synthetic(word)
	default:
		return fmt.Errorf("expected true, false, %s, found %s", strings.Join(syntheticNames, ", "), data)
	}
	return nil
}

// synthetic is how the entry names users that the catalog does not have.
func (e Entry) synthetic() Synthetic {
	if e.Synthetic == "" && e.WithoutUser {
		return "true"
	}
	return e.Synthetic
}

// validName accepts what an entity can be called.
func validName(s string) bool {
	if len(s) < 1 || len(s) > 63 || !alphanumeric(s[0]) || !alphanumeric(s[len(s)-1]) {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !alphanumeric(c) && c != '-' && c != '_' && c != '.' {
			return false
		}
	}
	return true
}

func alphanumeric(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

const maxSyntheticName = 254 // the longest e-mail address

// refName accepts what a user without an entity may be called: entity names,
// and the marks of e-mail addresses and identifiers, which refs carry as they
// are. Other letters are refused, since several of them become the same small
// letter.
func refName(s string) bool {
	if len(s) < 1 || len(s) > maxSyntheticName {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !alphanumeric(c) && !strings.ContainsRune("-_.@+=|~", rune(c)) {
			return false
		}
	}
	return true
}
