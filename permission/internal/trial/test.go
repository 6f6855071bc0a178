package trial

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/catalog"
	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/permission"
	"github.com/stagedoor/stagedoor/permission/internal/explain"
	"github.com/stagedoor/stagedoor/permission/internal/policy"
	"github.com/stagedoor/stagedoor/permission/internal/registry"
)

// Deps is what policies are tried out on.
type Deps struct {
	Registry *registry.Registry
	// Directory tells what users own things by where a file does not say it.
	Directory identity.Directory
	Reader    catalog.Reader
}

// Outcome is the outcome of one test.
type Outcome struct {
	// Place is where the test stands, as file:line.
	Place string
	Name  string
	// Failure says what was expected, what happened and which line of the
	// policy decided; empty when the test passed.
	Failure string
}

// Test holds a policy against expectations. The catalog has the entities of
// the file already. An error means that a test could not be run.
func (d Deps) Test(ctx context.Context, p policy.Source, e *Expectations) ([]Outcome, error) {
	x := explain.New(explain.Deps{
		Registry: d.Registry, Source: func() policy.Source { return p },
		Directory: func() identity.Directory { return d.Directory }, Reader: d.Reader,
	})
	out := make([]Outcome, 0, len(e.tests))
	for _, t := range e.tests {
		failure, err := d.run(ctx, x, e, t)
		if err != nil {
			return out, fmt.Errorf("%s: %w", t.at, err)
		}
		out = append(out, Outcome{Place: fmt.Sprintf("%s:%d", t.at.File, t.at.Line), Name: t.name, Failure: failure})
	}
	return out, nil
}

func (d Deps) run(ctx context.Context, x *explain.Explainer, e *Expectations, t test) (string, error) {
	who := identity.Principal{Kind: identity.User, Subject: t.user, Ownership: e.users[t.user]}
	if who.Ownership == nil {
		var err error
		if who, err = x.Principal(ctx, t.user); err != nil {
			return "", err
		}
	}
	if t.expect == "" {
		return d.lists(ctx, x, who, t)
	}
	resources := t.resources
	if len(resources) == 0 {
		resources = []string{""}
	}
	var failures []string
	for _, ref := range resources {
		a, err := x.Explain(ctx, explain.Question{Who: who, Permission: t.permission, ResourceRef: ref, Detail: true})
		if err != nil {
			return "", err
		}
		if a.Result != t.expect {
			failures = append(failures, fmt.Sprintf("expected %s%s, got %s", lower(t.expect), on(ref), because(a)))
		}
	}
	return strings.Join(failures, "; "), nil
}

func on(ref string) string {
	if ref == "" {
		return ""
	}
	return " on " + ref
}

func lower(r permission.Result) string { return strings.ToLower(string(r)) }

// because is the result with the reason and the line of the policy.
func because(a explain.Answer) string {
	text := lower(a.Result) + ": " + a.Reason
	if a.Source != nil {
		text += " (" + a.Source.String() + ")"
	}
	return text
}

// lists compares what the user sees.
func (d Deps) lists(ctx context.Context, x *explain.Explainer, who identity.Principal, t test) (string, error) {
	var failures []string
	check := func(refs []string, want permission.Result, word string) error {
		for _, ref := range refs {
			a, err := x.Explain(ctx, explain.Question{Who: who, Permission: t.permission, ResourceRef: ref, Detail: true})
			if err != nil {
				return err
			}
			if a.Result != want {
				failures = append(failures, fmt.Sprintf("expected %s to be %s, got %s", ref, word, because(a)))
			}
		}
		return nil
	}
	if err := errors.Join(check(t.visible, permission.Allow, "visible"), check(t.hidden, permission.Deny, "hidden")); err != nil {
		return "", err
	}
	if !t.only {
		return strings.Join(failures, "; "), nil
	}
	page, err := d.Reader.Query(identity.NewContext(ctx, identity.System("permission")), catalog.Query{
		Filter: catalog.Match{Key: "kind", Values: t.kinds}, Limit: -1,
	})
	if err != nil {
		return "", fmt.Errorf("list entities: %w", err)
	}
	var others []string
	for _, e := range page.Items {
		if ref := e.Ref().String(); !slices.Contains(t.visible, ref) && !slices.Contains(t.hidden, ref) {
			others = append(others, ref)
		}
	}
	slices.Sort(others)
	err = check(others, permission.Deny, "hidden, because it is not among the visible")
	return strings.Join(failures, "; "), err
}

func joined(errs []error) error { return errors.Join(errs...) }
