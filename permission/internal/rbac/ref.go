package rbac

import (
	"regexp"
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/internal/fault"
)

var (
	namePattern      = regexp.MustCompile(`^([A-Za-z0-9]+[-_.])*[A-Za-z0-9]+$`)
	namespacePattern = regexp.MustCompile(`^([a-z0-9]+-)*[a-z0-9]+$`)
)

// longestName bounds names and namespaces of references.
const longestName = 63

// CheckRef returns an error with code invalid unless the text is a full
// reference of one of the kinds. Its message is that of the community plugin.
func CheckRef(ref string, kinds ...string) error {
	if ref == "" {
		return fault.New(fault.Invalid, "'entityReference' must not be empty")
	}
	parsed, err := catalog.ParseRef(ref, catalog.RefDefaults{})
	if err != nil {
		return fault.New(fault.Invalid, err.Error())
	}
	if parsed.Kind+":"+parsed.Namespace+"/"+parsed.Name != ref {
		return fault.Newf(fault.Invalid, "entity reference '%s' does not match the required format [<kind>:][<namespace>/]<name>. Provide, please, full entity reference.", ref)
	}
	if !slices.Contains(kinds, parsed.Kind) {
		if len(kinds) == 1 {
			return fault.Newf(fault.Invalid, "Unsupported kind %s. Supported value should be %q", parsed.Kind, kinds[0])
		}
		return fault.Newf(fault.Invalid, `Unsupported kind %s. List supported values ["%s"]`, parsed.Kind, strings.Join(kinds, `", "`))
	}
	if !namePattern.MatchString(parsed.Name) || len(parsed.Name) > longestName {
		return fault.Newf(fault.Invalid, "The name '%s' in the entity reference must be a string that is sequences of [a-zA-Z0-9] separated by any of [-_.], at most 63 characters in total", parsed.Name)
	}
	if !namespacePattern.MatchString(parsed.Namespace) || len(parsed.Namespace) > longestName {
		return fault.Newf(fault.Invalid, "The namespace '%s' in the entity reference must be a string that is sequences of [a-z0-9] separated by [-], at most 63 characters in total", parsed.Namespace)
	}
	return nil
}

// CheckRole is [CheckRef] for roles.
func CheckRole(ref string) error { return CheckRef(ref, "role") }

// CheckMember is [CheckRef] for those who can be in a role.
func CheckMember(ref string) error { return CheckRef(ref, "user", "group") }

// longestPermission bounds what a policy names.
const longestPermission = 255

// ParseGrant makes a policy of its fields. The error has code invalid and the
// words of the community plugin.
func ParseGrant(name, action, effect string) (Grant, error) {
	switch {
	case name == "":
		return Grant{}, fault.New(fault.Invalid, "'permission' field must not be empty")
	case strings.ContainsAny(name, "\"\x00\r\n") || len(name) > longestPermission:
		return Grant{}, fault.New(fault.Invalid, `'permission' contains double quotes ("), line breaks or more than 255 characters, which names of permissions do not`)
	case action == "":
		return Grant{}, fault.New(fault.Invalid, "'policy' field must not be empty")
	case !slices.Contains(Actions, action):
		return Grant{}, fault.Newf(fault.Invalid, "'policy' has invalid value: '%s'. It should be one of: %s", action, strings.Join(Actions, ", "))
	case effect == "":
		return Grant{}, fault.New(fault.Invalid, "'effect' field must not be empty")
	case effect != "allow" && effect != "deny":
		return Grant{}, fault.Newf(fault.Invalid, "'effect' has invalid value: '%s'. It should be: 'allow' or 'deny'", effect)
	}
	if name == ResourceType && action == "create" {
		// To create a role is no question about a role that there is; policies
		// of older files say it is.
		name = Create.Name
	}
	return Grant{Permission: name, Action: action, Deny: effect == "deny"}, nil
}
