package resolve

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/identity/internal/signin"
)

// lookup is what to look for in the catalog.
type lookup struct {
	// annotation or email say which field of the user is compared; with
	// neither it is the name.
	annotation string
	email      bool
	// exact compares with regard to case, as identifiers need.
	exact bool
	// values are tried in turn.
	values []string
}

// rule reads from an account what to look for. Its error is for the person.
type rule func(a signin.Account, e Entry) (lookup, error)

// Names returns the resolvers of the provider, sorted. Every provider has
// those that go by e-mail address and by user name.
func Names(provider string) []string {
	return slices.Sorted(maps.Keys(rulesOf(provider)))
}

// titles are how messages call the providers.
var titles = map[string]string{
	"atlassian": "Atlassian", "github": "GitHub", "gitlab": "GitLab", "google": "Google", "microsoft": "Microsoft", "oauth2": "Oauth2",
	"oidc": "OIDC", "okta": "Okta", "onelogin": "OneLogin", "openshift": "OpenShift", "bitbucket": "Bitbucket", "auth0": "Auth0",
}

// ownRules are the providers that have resolvers of their own, or only those
// that all have. Others are taken for OpenID providers.
var ownRules = []string{
	"atlassian", "auth0", "awsalb", "azureEasyAuth", "bitbucket", "bitbucketServer", "cfaccess", "gcpIap", "github", "gitlab", "google",
	"guest", "microsoft", "oauth2", "oauth2Proxy", "okta", "onelogin", "openshift", "pinniped",
}

// rulesOf are the resolvers of the provider, called as in Backstage 1.55 and,
// for OpenID providers, also as in Red Hat Developer Hub.
func rulesOf(provider string) map[string]rule {
	title := titles[provider]
	if title == "" {
		title = provider
	}
	rules := map[string]rule{
		"emailMatchingUserEntityProfileEmail":  profileEmail,
		"emailLocalPartMatchingUserEntityName": emailLocalPart,
		"usernameMatchingUserEntityName":       named(title+" user profile does not contain a username", func(a signin.Account) string { return a.Username }),
	}
	id := func(a signin.Account) string { return a.ID }
	emailAnnotation := func(annotation string) rule {
		return annotated(annotation, false, title+" profile contained no email", func(a signin.Account) string { return a.Email })
	}
	switch provider {
	case "github":
		rules["userIdMatchingUserEntityAnnotation"] = annotated("github.com/user-id", true, "GitHub user profile does not contain a user ID", githubID)
	case "gitlab":
		rules["userIdMatchingUserEntityAnnotation"] = gitlabID
	case "google":
		rules["emailMatchingUserEntityAnnotation"] = emailAnnotation("google.com/email")
	case "gcpIap":
		rules["emailMatchingUserEntityAnnotation"] = emailAnnotation("google.com/email")
		rules["idMatchingUserEntityAnnotation"] = annotated("google.com/user-id", true, "Google IAP sign-in result is missing the user ID", func(a signin.Account) string {
			_, id, _ := strings.Cut(a.ID, ":")
			return id
		})
	case "microsoft":
		rules["emailMatchingUserEntityAnnotation"] = emailAnnotation("microsoft.com/email")
		rules["userIdMatchingUserEntityAnnotation"] = annotated("graph.microsoft.com/user-id", true, "Microsoft profile contained no id", id)
	case "azureEasyAuth":
		rules["idMatchingUserEntityAnnotation"] = annotated("graph.microsoft.com/user-id", true, "User profile contained no id", id)
	case "okta":
		rules["emailMatchingUserEntityAnnotation"] = emailAnnotation("okta.com/email")
	case "bitbucket":
		rules["userIdMatchingUserEntityAnnotation"] = annotated("bitbucket.org/user-id", true, "Bitbucket user profile does not contain an ID", id)
		rules["usernameMatchingUserEntityAnnotation"] = annotated("bitbucket.org/username", false, "Bitbucket user profile does not contain a Username", func(a signin.Account) string { return a.Username })
	case "openshift":
		rules["displayNameMatchingUserEntityName"] = named("OpenShift user profile does not contain a displayName", func(a signin.Account) string { return a.Profile.DisplayName })
	case "oauth2Proxy":
		user, preferred := "X-Forwarded-User", "X-Forwarded-Preferred-Username"
		rules["forwardedUserMatchingUserEntityName"] = named("Request did not contain a user", header(user))
		rules["forwardedPreferredUsernameMatchingUserEntityName"] = named("Request did not contain a preferred username", header(preferred))
		rules["oauth2ProxyUserHeaderMatchingUserEntityName"] = named("Request did not contain a user", header(preferred, user))
	}
	if provider == "oidc" || !slices.Contains(ownRules, provider) {
		addOIDC(rules)
	}
	return rules
}

func addOIDC(rules map[string]rule) {
	claim := func(name string) func(signin.Account) string {
		return func(a signin.Account) string { s, _ := a.Claims[name].(string); return s }
	}
	const noSub = "The user profile from OIDC is missing a 'sub' claim"
	rules["preferredUsernameMatchingUserEntityName"] = named("OIDC user profile does not contain a username", claim("preferred_username"))
	rules["oidcSubClaimMatchingKeycloakUserId"] = annotated("keycloak.org/id", true, noSub, claim("sub"))
	rules["oidcSubClaimMatchingPingIdentityUserId"] = annotated("pingidentity.org/id", true, noSub, claim("sub"))
	rules["oidcLdapUuidMatchingAnnotation"] = func(a signin.Account, e Entry) (lookup, error) {
		key := e.LDAPKey
		if key == "" {
			key = "ldap_uuid"
		}
		return annotated("backstage.io/ldap-uuid", true, fmt.Sprintf("The user profile from OIDC is missing the LDAP UUID, claim '%s'", key), claim(key))(a, e)
	}
}

const noEmail = "Login failed, user profile does not contain an email"

// profileEmail looks for the address, and for what is left of it without the
// part behind a plus sign.
func profileEmail(a signin.Account, _ Entry) (lookup, error) {
	local, domain, ok := strings.Cut(a.Email, "@")
	if !ok {
		return lookup{}, refuse(noEmail)
	}
	l := lookup{email: true, values: []string{a.Email}}
	if plain, _, tagged := strings.Cut(local, "+"); tagged && plain != "" {
		l.values = append(l.values, plain+"@"+domain)
	}
	return l, nil
}

func emailLocalPart(a signin.Account, _ Entry) (lookup, error) {
	local, _, ok := strings.Cut(a.Email, "@")
	if !ok || local == "" {
		return lookup{}, refuse(noEmail)
	}
	return lookup{values: []string{local}}, nil
}

func named(missing string, read func(signin.Account) string) rule {
	return func(a signin.Account, _ Entry) (lookup, error) {
		if name := read(a); name != "" {
			return lookup{values: []string{name}}, nil
		}
		return lookup{}, refuse(missing)
	}
}

func annotated(annotation string, exact bool, missing string, read func(signin.Account) string) rule {
	return func(a signin.Account, _ Entry) (lookup, error) {
		if value := read(a); value != "" {
			return lookup{annotation: annotation, exact: exact, values: []string{value}}, nil
		}
		return lookup{}, refuse(missing)
	}
}

// header reads the first of the headers that the gateway has set.
func header(names ...string) func(signin.Account) string {
	return func(a signin.Account) string {
		for _, name := range names {
			if v := a.Headers.Get(name); v != "" {
				return v
			}
		}
		return ""
	}
}

// githubID is the id that GitHub's GraphQL interface calls id, which is what
// the annotation holds, and only otherwise the number.
func githubID(a signin.Account) string {
	if id, ok := a.Claims["node_id"].(string); ok && id != "" {
		return id
	}
	return a.ID
}

// gitlabID goes by the annotation of the GitLab instance, <host>/user-id.
func gitlabID(a signin.Account, e Entry) (lookup, error) {
	for _, claim := range []string{"web_url", "profile"} {
		page, _ := a.Claims[claim].(string)
		if u, err := url.Parse(page); err == nil && u.Hostname() != "" {
			return annotated(u.Hostname()+"/user-id", true, "GitLab user profile does not contain a user ID", func(a signin.Account) string { return a.ID })(a, e)
		}
	}
	return lookup{}, refuse("GitLab user profile does not contain a profile URL")
}

// field is the key that the catalog's index has the value under.
func (l lookup) field() string {
	switch {
	case l.email:
		return "spec.profile.email"
	case l.annotation != "":
		return "metadata.annotations." + l.annotation
	}
	return "metadata.name"
}

// same reports whether the user has the value. The catalog compares without
// regard to case, in all alphabets; that is too generous for a proof of
// identity: a Kelvin sign is no k.
func (l lookup) same(e catalog.Entity, value string) bool {
	got := e.Annotation(l.annotation)
	if l.email {
		profile, _ := e.Spec()["profile"].(map[string]any)
		got, _ = profile["email"].(string)
	}
	if l.exact {
		return got == value
	}
	return equalASCIIFold(got, value)
}

func equalASCIIFold(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if lowerASCII(a[i]) != lowerASCII(b[i]) {
			return false
		}
	}
	return true
}

func lowerASCII(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
