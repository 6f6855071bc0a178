package store_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/identity/internal/store"
	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/db/dbtest"
	"github.com/stagedoor/stagedoor/internal/fault"
)

const oauthUser = "user:default/jane"

// oauthStore is a store on a clock that the test moves.
func oauthStore(d *db.DB) (*store.Store, *time.Time) {
	now := time.Unix(1_800_000_000, 0).UTC()
	return store.New(d, func() time.Time { return now }), &now
}

func TestOAuthClients(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		t.Helper()
		s, now := oauthStore(d)
		ctx := t.Context()
		want := store.OAuthClient{
			ID: "c1", Name: "Agent", SecretHash: "h", AuthMethod: "client_secret_post",
			RedirectURIs: []string{"http://127.0.0.1/cb", "cursor://x"}, Scope: "openid", Created: *now,
		}
		if err := s.AddOAuthClient(ctx, want, 2); err != nil {
			t.Fatal(err)
		}
		got, err := s.OAuthClient(ctx, "c1")
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
		if _, err := s.OAuthClient(ctx, "c2"); !fault.Is(err, fault.NotFound) {
			t.Errorf("an unknown client gave %v, want not_found", err)
		}
		want.ID = "c2"
		if err := s.AddOAuthClient(ctx, want, 2); err != nil {
			t.Fatal(err)
		}

		// The first is used, the second is not: a day later only one is left.
		addSession(t, s, "s1", "c1", now.Add(time.Minute))
		if err := s.ApproveOAuthSession(ctx, "s1", oauthUser, "code", now.Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		*now = now.Add(24 * time.Hour)
		if _, err := s.SweepOAuth(ctx); err != nil {
			t.Fatal(err)
		}
		if _, err := s.OAuthClient(ctx, "c1"); err != nil {
			t.Errorf("the client that was used: %v", err)
		}
		if _, err := s.OAuthClient(ctx, "c2"); !fault.Is(err, fault.NotFound) {
			t.Errorf("the client that was never used gave %v, want not_found", err)
		}
		*now = now.Add(401 * 24 * time.Hour)
		if _, err := s.SweepOAuth(ctx); err != nil {
			t.Fatal(err)
		}
		if _, err := s.OAuthClient(ctx, "c1"); !fault.Is(err, fault.NotFound) {
			t.Errorf("a client that nobody used for a year gave %v, want not_found", err)
		}
	})
}

// Strangers register clients and ask for authorization. However many do, the
// next one gets in, at the cost of who has waited longest.
func TestOAuthStrangers_ShutNobodyOut(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		t.Helper()
		s, now := oauthStore(d)
		ctx := t.Context()
		for _, id := range []string{"c1", "c2", "c3", "c4"} {
			*now = now.Add(time.Second)
			if err := s.AddOAuthClient(ctx, store.OAuthClient{ID: id, Created: *now}, 2); err != nil {
				t.Fatalf("client %s: %v", id, err)
			}
			if id != "c1" {
				continue
			}
			addSession(t, s, "of c1", "c1", now.Add(time.Minute))
			if err := s.ApproveOAuthSession(ctx, "of c1", oauthUser, "code", now.Add(time.Minute)); err != nil {
				t.Fatal(err)
			}
		}
		for id, want := range map[string]bool{"c1": true, "c2": false, "c3": true, "c4": true} {
			if _, err := s.OAuthClient(ctx, id); (err == nil) != want {
				t.Errorf("client %s: %v, want it to be there: %v", id, err, want)
			}
		}
		for _, id := range []string{"s1", "s2", "s3"} {
			*now = now.Add(time.Second)
			o := store.OAuthSession{ID: id, ClientID: "c4", Status: store.OAuthPending, Expires: now.Add(time.Minute)}
			if err := s.AddOAuthSession(ctx, o, 2); err != nil {
				t.Fatalf("session %s: %v", id, err)
			}
		}
		for id, want := range map[string]bool{"of c1": true, "s1": false, "s2": true, "s3": true} {
			if _, err := s.OAuthSession(ctx, id); (err == nil) != want {
				t.Errorf("session %s: %v, want it to be there: %v", id, err, want)
			}
		}
	})
}

func addSession(t *testing.T, s *store.Store, id, client string, expires time.Time) store.OAuthSession {
	t.Helper()
	o := store.OAuthSession{
		ID: id, ClientID: client, ClientName: "Agent", RedirectURI: "http://127.0.0.1:1/cb", Scope: "openid offline_access",
		State: "st", Nonce: "no", Resource: "https://portal", Challenge: "ch", ChallengeMethod: "S256", Status: store.OAuthPending, Expires: expires,
	}
	if err := s.AddOAuthSession(t.Context(), o, 100); err != nil {
		t.Fatal(err)
	}
	return o
}

func TestOAuthSessions_TakeOneAnswer(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		t.Helper()
		s, now := oauthStore(d)
		ctx := t.Context()
		want := addSession(t, s, "s1", "c1", now.Add(time.Minute))
		got, err := s.OAuthSession(ctx, "s1")
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
		// Sessions without a code have the same empty hash, which finds none.
		addSession(t, s, "s2", "c1", now.Add(time.Minute))
		if _, err := s.OAuthSessionByCode(ctx, ""); !fault.Is(err, fault.NotFound) {
			t.Errorf("no code gave %v, want not_found", err)
		}

		codeExpires := now.Add(30 * time.Second)
		if err := s.ApproveOAuthSession(ctx, "s1", oauthUser, "code1", codeExpires); err != nil {
			t.Fatal(err)
		}
		for name, err := range map[string]error{
			"another approves": s.ApproveOAuthSession(ctx, "s1", "user:default/eve", "code2", codeExpires),
			"it is rejected":   s.RejectOAuthSession(ctx, "s1", oauthUser),
		} {
			if !fault.Is(err, fault.Conflict) {
				t.Errorf("%s after the first answer: %v, want conflict", name, err)
			}
		}
		want.Status, want.UserRef, want.CodeExpires = store.OAuthApproved, oauthUser, codeExpires
		got, err = s.OAuthSessionByCode(ctx, "code1")
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("by code: %v (-want +got):\n%s", err, diff)
		}
		if err := s.RejectOAuthSession(ctx, "s2", oauthUser); err != nil {
			t.Fatal(err)
		}
		if got, err := s.OAuthSession(ctx, "s2"); err != nil || got.Status != store.OAuthRejected {
			t.Errorf("rejected: %+v, %v", got, err)
		}

		addSession(t, s, "s3", "c1", now.Add(time.Minute))
		*now = now.Add(time.Minute)
		if err := s.ApproveOAuthSession(ctx, "s3", oauthUser, "code3", codeExpires); !fault.Is(err, fault.Conflict) {
			t.Errorf("an expired session gave %v, want conflict", err)
		}
		if n, err := s.SweepOAuth(ctx); err != nil || n != 1 {
			t.Errorf("swept %d, %v: want the expired session alone", n, err)
		}
		*now = now.Add(24 * time.Hour)
		if n, err := s.SweepOAuth(ctx); err != nil || n != 2 {
			t.Errorf("a day later swept %d, %v: want both answered sessions", n, err)
		}
	})
}

func grantOf(id string, now time.Time) *store.OAuthGrant {
	return &store.OAuthGrant{
		ID: id, SessionID: "s1", ClientID: "c1", UserRef: oauthUser, Scope: "openid", Resource: "r",
		FamilyHash: "f", TokenHash: "t1", Catalogued: true, Created: now, Used: now, Expires: now.Add(time.Hour),
	}
}

func TestOAuthGrants_RotateAndEnd(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		t.Helper()
		s, now := oauthStore(d)
		ctx := t.Context()
		approve(t, s, "s1", "code", *now)
		want := grantOf("g1", *now)
		if err := s.RedeemOAuthCode(ctx, "code", want, 20); err != nil {
			t.Fatal(err)
		}
		if err := s.RedeemOAuthCode(ctx, "code", grantOf("g2", *now), 20); !fault.Is(err, fault.Conflict) {
			t.Errorf("the code a second time: %v, want conflict", err)
		}
		if o, err := s.OAuthSession(ctx, "s1"); err != nil || !o.CodeUsed.Equal(*now) {
			t.Errorf("the session says the code was used at %v, %v", o.CodeUsed, err)
		}
		got, err := s.OAuthGrant(ctx, "g1")
		if diff := cmp.Diff(*want, got); err != nil || diff != "" {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
		*now = now.Add(time.Minute)
		if err := s.RotateOAuthGrant(ctx, "g1", "t1", "t2", now.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if err := s.RotateOAuthGrant(ctx, "g1", "t1", "t3", now.Add(time.Hour)); !fault.Is(err, fault.Conflict) {
			t.Errorf("the old token again: %v, want conflict", err)
		}
		if got, err := s.OAuthGrant(ctx, "g1"); err != nil || got.TokenHash != "t2" || !got.Used.Equal(*now) {
			t.Errorf("after rotation: %+v, %v", got, err)
		}
		if err := s.RevokeOAuthSession(ctx, "s1", now.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if _, err := s.OAuthGrant(ctx, "g1"); !fault.Is(err, fault.NotFound) {
			t.Errorf("after revocation: %v, want not_found", err)
		}
		if err := s.RevokeOAuthSession(ctx, "s1", now.Add(2*time.Hour)); err != nil {
			t.Errorf("revoking what is gone: %v", err)
		}
		for _, want := range [][]string{{"s1"}, nil} {
			if _, err := s.SweepOAuth(ctx); err != nil {
				t.Fatal(err)
			}
			ids, err := s.RevokedOAuthSessions(ctx)
			if diff := cmp.Diff(want, ids); err != nil || diff != "" {
				t.Errorf("revoked: %v (-want +got):\n%s", err, diff)
			}
			*now = now.Add(2 * time.Hour)
		}
	})
}

func approve(t *testing.T, s *store.Store, id, code string, now time.Time) {
	t.Helper()
	addSession(t, s, id, "c1", now.Add(time.Minute))
	if err := s.ApproveOAuthSession(t.Context(), id, oauthUser, code, now.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
}

func TestOAuthGrants_AreLimitedPerUserAndExpire(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		t.Helper()
		s, now := oauthStore(d)
		ctx := t.Context()
		for i := range 4 {
			approve(t, s, fmt.Sprint("s", i), fmt.Sprint("code", i), *now)
			if err := s.RedeemOAuthCode(ctx, fmt.Sprint("code", i), grantOf(fmt.Sprint("g", i), *now), 3); err != nil {
				t.Fatal(err)
			}
			*now = now.Add(time.Second)
		}
		other := grantOf("other", *now)
		other.UserRef = "user:default/joe"
		approve(t, s, "s9", "code9", *now)
		if err := s.RedeemOAuthCode(ctx, "code9", other, 3); err != nil {
			t.Fatal(err)
		}
		left := func() (ids []string) {
			for _, id := range []string{"g0", "g1", "g2", "g3", "other"} {
				if _, err := s.OAuthGrant(ctx, id); err == nil {
					ids = append(ids, id)
				}
			}
			return ids
		}
		if diff := cmp.Diff([]string{"g1", "g2", "g3", "other"}, left()); diff != "" {
			t.Errorf("the grant used longest ago goes, other users keep theirs (-want +got):\n%s", diff)
		}
		*now = now.Add(time.Hour - 2*time.Second)
		if _, err := s.SweepOAuth(ctx); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"g3", "other"}, left()); diff != "" {
			t.Errorf("expired grants are swept (-want +got):\n%s", diff)
		}
	})
}
