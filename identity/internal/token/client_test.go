package token_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/identity/internal/token"
)

// What an OAuth client got says so, and is an ordinary user token otherwise:
// it verifies, and its limited token is the one that any user token gives.
func TestUser_NamesTheClientThatGotIt(t *testing.T) {
	t.Parallel()
	i := newReplica(newMemoryKeys(), &clock{time.Unix(1_800_000_000, 0)}, "a")
	issued, err := i.User(t.Context(), token.User{Ref: "user:default/jane", Client: "https://agent.example/client.json", Session: "s-1", Nonce: "n-0S6"})
	if err != nil {
		t.Fatal(err)
	}
	claims := decode(t, strings.Split(issued.Token, ".")[1])
	got := map[string]any{"sub": claims["sub"], "aud": claims["aud"], "azp": claims["azp"], "sid": claims["sid"], "nonce": claims["nonce"]}
	want := map[string]any{"sub": "user:default/jane", "aud": "backstage", "azp": "https://agent.example/client.json", "sid": "s-1", "nonce": "n-0S6"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("claims (-want +got):\n%s", diff)
	}
	limited, _, err := token.Limited(issued.Token)
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{issued.Token, limited} {
		if v, err := i.Verify(t.Context(), text); err != nil || v.Subject != "user:default/jane" {
			t.Errorf("verified: %+v, %v", v, err)
		}
	}
	if own := decode(t, strings.Split(mustIssue(t, i).Token, ".")[1]); own["azp"] != nil || own["sid"] != nil || own["nonce"] != nil {
		t.Errorf("a sign-in of the user's own gives %v", own)
	}
}

func mustIssue(t *testing.T, i *token.Issuer) token.Issued {
	t.Helper()
	issued, err := i.User(t.Context(), token.User{Ref: "user:default/jane"})
	if err != nil {
		t.Fatal(err)
	}
	return issued
}
