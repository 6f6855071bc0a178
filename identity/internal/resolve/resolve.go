package resolve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/identity/internal/signin"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// nobody is all that a person learns whom no resolver could place, for whatever
// reason: it must not tell who is in the catalog. It is what Backstage answers.
const nobody = "Failed to sign-in, unable to resolve user identity. Please verify that your catalog contains the expected User entities that would match your configured sign-in resolver."

// RefusedError is the error of an account that is let in nowhere. Its message is for
// the person, its detail for the log and the audit.
type RefusedError struct {
	message string
	detail  string
}

func refuse(message string) error { return &RefusedError{message: message} }

// Error returns the message for the person.
func (r *RefusedError) Error() string { return r.message }

// FaultCode is "forbidden".
func (*RefusedError) FaultCode() string { return string(fault.Forbidden) }

// Detail says why, with names; not for the person.
func (r *RefusedError) Detail() string {
	if r.detail == "" {
		return r.message
	}
	return r.detail
}

// errNoUser is the answer of a resolver that does not know the account, so that
// the next one is asked.
var errNoUser = errors.New("no such user")

// Resolver implements signin.Resolver over the catalog. Set the fields, then
// call [Resolver.Set] with the configuration. It is safe for concurrent use.
type Resolver struct {
	Catalog func() catalog.Reader
	// Logger is told who was refused and why; nil tells nobody.
	Logger *slog.Logger

	config atomic.Pointer[Config]
}

// Set takes a configuration in, also while others resolve.
func (r *Resolver) Set(c Config) { r.config.Store(&c) }

func (r *Resolver) current() *Config {
	if c := r.config.Load(); c != nil {
		return c
	}
	return &Config{}
}

// Resolve asks the resolvers of the account's provider in turn. The first that
// knows the account decides. A resolver that does not find a user passes on to
// the next; one that misses something in the account, or finds several users,
// ends the sign-in, so that an account cannot slip past a stricter resolver.
// The error is a [*RefusedError], or signin.ErrNoResolver for a provider without
// resolvers.
func (r *Resolver) Resolve(ctx context.Context, a signin.Account) (signin.User, error) {
	entries := r.current().Providers[Key(a.Provider, a.Env)]
	if len(entries) == 0 {
		return signin.User{}, signin.ErrNoResolver
	}
	ctx = identity.NewContext(ctx, identity.System("auth"))
	var tried []string
	for _, e := range entries {
		user, err := r.try(ctx, a, e)
		if errors.Is(err, errNoUser) {
			tried = append(tried, e.Resolver+": "+err.Error())
			continue
		}
		if err != nil {
			return signin.User{}, r.refused(ctx, a, e.Resolver, err)
		}
		return user, nil
	}
	return signin.User{}, r.refused(ctx, a, "", &RefusedError{message: nobody, detail: strings.Join(tried, "; ")})
}

// refused writes to the log what the person must not know.
func (r *Resolver) refused(ctx context.Context, a signin.Account, resolver string, err error) error {
	var refusal *RefusedError
	if r.Logger != nil && errors.As(err, &refusal) {
		r.Logger.WarnContext(ctx, "sign-in refused", "provider", a.Provider, "resolver", resolver, "account", a.ID, "reason", refusal.Detail())
	}
	return err
}

func (r *Resolver) try(ctx context.Context, a signin.Account, e Entry) (signin.User, error) {
	find, ok := rulesOf(a.Provider)[e.Resolver]
	if !ok {
		return signin.User{}, fault.Newf(fault.Internal, "the provider %s has no resolver %s", a.Provider, e.Resolver)
	}
	l, err := find(a, e)
	if err != nil {
		return signin.User{}, err
	}
	if !inDomains(a.Email, e.AllowedDomains) {
		return signin.User{}, refuse("Sign-in user email is not from an allowed domain")
	}
	for _, value := range l.values {
		user, err := r.find(ctx, e, l, value)
		if err != nil {
			return signin.User{}, err
		}
		if user != nil {
			owned, err := r.owned(ctx, user, e.Settings)
			return signin.User{Ref: user.Ref().String(), Ownership: owned}, err
		}
	}
	if e.synthetic() != "" {
		return r.synthesize(ctx, a, e, l.values[len(l.values)-1])
	}
	return signin.User{}, fmt.Errorf("%w with %s %q", errNoUser, l.field(), l.values)
}

// inDomains reports whether the address is of one of the domains, if there are
// any.
func inDomains(email string, domains []string) bool {
	if len(domains) == 0 {
		return true
	}
	_, domain, _ := strings.Cut(email, "@")
	return domain != "" && slices.ContainsFunc(domains, func(d string) bool { return equalASCIIFold(d, domain) })
}

// shown is how many of several matching users are named in the log.
const shown = 10

// find returns the user with the value, or nil.
func (r *Resolver) find(ctx context.Context, e Entry, l lookup, value string) (catalog.Entity, error) {
	if !l.email && l.annotation == "" {
		if !validName(value) {
			return nil, nil
		}
		return r.entity(ctx, catalog.Ref{Kind: "user", Namespace: e.namespace(), Name: value})
	}
	filter := catalog.And{
		catalog.Match{Key: "kind", Values: []string{"user"}},
		catalog.Match{Key: l.field(), Values: []string{value}},
	}
	if e.UserNamespace != "" {
		filter = append(filter, catalog.Match{Key: "metadata.namespace", Values: []string{string(e.UserNamespace)}})
	}
	page, err := r.Catalog().Query(ctx, catalog.Query{Filter: filter, Limit: shown})
	if err != nil {
		return nil, fmt.Errorf("look for the user of an account: %w", err)
	}
	found := slices.DeleteFunc(slices.Clone(page.Items), func(user catalog.Entity) bool { return !l.same(user, value) })
	switch len(found) {
	case 0:
		return nil, nil
	case 1:
		return found[0], nil
	}
	var refs []string
	for _, user := range found {
		refs = append(refs, user.Ref().String())
	}
	return nil, &RefusedError{message: nobody, detail: fmt.Sprintf("several users have %s %q: %s", l.field(), value, strings.Join(refs, ", "))}
}

// entity returns the entity, or nil when there is none.
func (r *Resolver) entity(ctx context.Context, ref catalog.Ref) (catalog.Entity, error) {
	e, err := r.Catalog().EntityByRef(ctx, ref)
	if fault.Is(err, fault.NotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", ref, err)
	}
	return e, nil
}

// synthesize makes a user that the catalog does not have. A user that it does
// have is never given away like this.
func (r *Resolver) synthesize(ctx context.Context, a signin.Account, e Entry, name string) (signin.User, error) {
	switch local, _, _ := strings.Cut(a.Email, "@"); e.synthetic() {
	case "email":
		name = a.Email
	case "emailLocalPart":
		name = local
	case "username":
		name = a.Username
	}
	if !refName(name) {
		return signin.User{}, &RefusedError{message: nobody, detail: fmt.Sprintf("%q cannot be the name of a user", name)}
	}
	ref := catalog.Ref{Kind: "user", Namespace: e.namespace(), Name: name}
	known, err := r.entity(ctx, ref)
	if err != nil {
		return signin.User{}, err
	}
	if known != nil {
		return signin.User{}, &RefusedError{message: nobody, detail: fmt.Sprintf("the user without an entity would be %s, which the catalog has for somebody else", ref)}
	}
	return signin.User{Ref: ref.String(), Ownership: withDefaults([]string{ref.String()}, e.Settings)}, nil
}
