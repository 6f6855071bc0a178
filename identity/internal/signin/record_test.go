package signin_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/audit"
	"github.com/stagedoor/stagedoor/identity/internal/signin"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// journal keeps what the audit log is told.
type journal struct{ durable, noted []audit.Event }

func (j *journal) Record(_ context.Context, e audit.Event) error {
	j.durable = append(j.durable, e)
	return nil
}
func (j *journal) Note(_ context.Context, e audit.Event) { j.noted = append(j.noted, e) }
func (j *journal) Begin(ctx context.Context, _ audit.Event) (context.Context, func(error) error) {
	return ctx, func(err error) error { return err }
}

func TestAudit_IsToldOfSignIns(t *testing.T) {
	t.Parallel()
	j := &journal{}
	now := time.Unix(0, 0)
	d := desk{map[string][]string{}}
	s := signin.Service{
		Issuer: d, Store: d, Clock: func() time.Time { return now }, Audit: j,
		Resolver: func() signin.Resolver { return groups{} },
	}
	jo := signin.Account{Provider: "oidc", Env: "production", Username: "jo", User: &signin.User{Ref: "user:default/jo"}}
	nobody := signin.Account{Provider: "oidc", Username: "ed"}
	if _, err := s.Complete(t.Context(), jo); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Complete(t.Context(), nobody); !fault.Is(err, fault.Forbidden) {
		t.Errorf("got %v, want forbidden", err)
	}
	actor := audit.Actor{Kind: "user", Subject: "user:default/jo"}
	want := []audit.Event{
		{Plugin: "auth", Name: "user-sign-in", Severity: audit.Medium, Status: audit.Succeeded, Actor: actor, Target: "user:default/jo", Meta: map[string]any{"provider": "oidc", "env": "production", "account": "jo"}},
		{Plugin: "auth", Name: "user-sign-in", Severity: audit.Medium, Status: audit.Failed, Reason: "nobody is ed", Meta: map[string]any{"provider": "oidc", "account": "ed"}},
	}
	if diff := cmp.Diff(want, j.durable); diff != "" {
		t.Errorf("sign-ins (-want +got):\n%s", diff)
	}

	jo.Renewed = true
	for range 3 { // half an hour apart
		if _, err := s.Renew(t.Context(), jo); err != nil {
			t.Fatal(err)
		}
		if len(j.noted) == 1 {
			now = now.Add(30 * time.Minute)
		}
	}
	s.Failed(t.Context(), "oidc", "", fault.New(fault.Forbidden, "said no"))
	s.SignedOut(t.Context(), "oidc", "production")
	var names []string
	for _, e := range j.noted {
		names = append(names, e.Name+" "+string(e.Severity)+" "+string(e.Status)+" "+e.Reason)
	}
	if diff := cmp.Diff([]string{"user-refresh low succeeded ", "user-refresh low succeeded ", "user-sign-in medium failed said no", "user-sign-out low succeeded "}, names); diff != "" {
		t.Errorf("notes (-want +got):\n%s", diff)
	}
}

func TestAudit_IsToldOfARecognitionOnceAnHour(t *testing.T) {
	t.Parallel()
	j := &journal{}
	now := time.Unix(0, 0)
	d := desk{map[string][]string{}}
	s := signin.Service{
		Issuer: d, Store: d, Clock: func() time.Time { return now }, Audit: j,
		Resolver: func() signin.Resolver { return groups{} },
	}
	for _, name := range []string{"jo", "jo", "ed", "jo"} {
		if _, err := s.Renew(t.Context(), signin.Account{Provider: "awsalb", User: &signin.User{Ref: "user:default/" + name}}); err != nil {
			t.Fatal(err)
		}
	}
	if len(j.noted) != 2 || len(j.durable) != 0 {
		t.Errorf("%d notes, want one per person", len(j.noted))
	}
	now = now.Add(time.Hour)
	if _, err := s.Renew(t.Context(), signin.Account{Provider: "awsalb", User: &signin.User{Ref: "user:default/jo"}}); err != nil {
		t.Fatal(err)
	}
	if len(j.noted) != 3 {
		t.Errorf("%d notes after an hour, want one more", len(j.noted))
	}
}

func TestRefreshError_TellsOutagesFromRefusals(t *testing.T) {
	t.Parallel()
	refused := &signin.RefreshError{Err: fault.New(fault.Forbidden, "no")}
	if !fault.Is(refused, fault.Unauthenticated) || refused.Error() != "Refresh failed; caused by NotAllowedError: no" {
		t.Errorf("%v", refused)
	}
	if down := (&signin.RefreshError{Err: fault.New(fault.Unavailable, "down")}); !fault.Is(down, fault.Unavailable) {
		t.Errorf("%v", down)
	}
	if hidden := (&signin.RefreshError{Err: context.DeadlineExceeded}).Error(); hidden != "Refresh failed; caused by ServiceUnavailableError: context deadline exceeded" {
		t.Errorf("%v", hidden)
	}
}
