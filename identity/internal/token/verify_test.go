package token

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/fault"
)

func TestVerify_RefusesEverythingMalformed(t *testing.T) {
	t.Parallel()
	f := newForger(t)
	for name, good := range map[string]string{
		"the token they are made from": f.user(userBody),
		"a list of audiences":          f.user(strings.Replace(userBody, `"backstage"`, `["x","backstage"]`, 1)),
		"fractions of seconds":         f.user(strings.Replace(userBody, "1800003600", "1800000000.5", 1)),
		"a clock that is ahead":        f.user(strings.Replace(userBody, `{`, `{"nbf":1800000005,`, 1)),
		"claims of others":             f.user(strings.Replace(userBody, `{`, `{"ent":["group:default/a"],"x":{"y":[1]},`, 1)),
	} {
		if v, err := f.Verify(t.Context(), good); err != nil || v.Subject != "user:default/jane" || v.Limited {
			t.Errorf("%s: got %+v, %v", name, v, err)
		}
	}
	for name, bad := range forgeries(f) {
		for round := range 2 { // the second finds nothing remembered
			v, err := f.Verify(t.Context(), bad)
			if err == nil || !fault.Is(err, fault.Unauthenticated) {
				t.Errorf("%s, round %d: got %+v, %v, want a refusal", name, round, v, err)
				continue
			}
			if err.Error() != "Illegal token" && err.Error() != failedUser {
				t.Errorf("%s: the words are %q", name, err)
			}
		}
		if v, err := f.VerifyPlugin(t.Context(), bad, "backstage"); err == nil {
			t.Errorf("%s passes for a plugin's: %+v", name, v)
		}
	}
	if f.shelf.reads > 1 {
		t.Errorf("the store was read %d times for ids of keys, of which one alone could be one", f.shelf.reads)
	}
}

func TestVerifyPlugin_ChecksWhoCallsWhomForWhom(t *testing.T) {
	t.Parallel()
	f := newForger(t)
	user, err := f.User(t.Context(), User{Ref: "user:default/jane"})
	if err != nil {
		t.Fatal(err)
	}
	limited, _, err := Limited(user.Token)
	if err != nil {
		t.Fatal(err)
	}
	body := func(sub, aud, more string) string {
		return f.sign(pluginHead, fmt.Sprintf(`{"sub":%q,"aud":%q,"iat":1800000000,"exp":1800003600%s}`, sub, aud, more))
	}
	for name, tc := range map[string]struct {
		token, target string
		want          VerifiedPlugin
		err           string
	}{
		"a plugin":                 {token: body("search", "catalog", ""), target: "catalog", want: VerifiedPlugin{Plugin: "search", Expires: noon.Add(time.Hour)}},
		"for a user":               {token: body("search", "catalog", `,"obo":"`+limited+`"`), target: "catalog", want: VerifiedPlugin{Plugin: "search", User: "user:default/jane", UserToken: limited, Expires: noon.Add(time.Hour)}},
		"at another plugin":        {token: body("search", "catalog", ""), target: "scaffolder", err: failedPlugin},
		"at no plugin":             {token: body("search", "", ""), target: "", err: failedPlugin},
		"a path for a plugin":      {token: body("../auth", "catalog", ""), target: "catalog", err: "Invalid plugin token: forbidden subject format"},
		"no plugin":                {token: body("", "catalog", ""), target: "catalog", err: "Invalid plugin token: missing subject"},
		"for a forged user":        {token: body("search", "catalog", `,"obo":"`+limited[:len(limited)-4]+`AAAA"`), target: "catalog", err: "Invalid user token in plugin token obo claim"},
		"for a plugin":             {token: body("search", "catalog", `,"obo":"`+body("a", "catalog", "")+`"`), target: "catalog", err: "Invalid user token in plugin token obo claim"},
		"for what is no token":     {token: body("search", "catalog", `,"obo":{}`), target: "catalog", err: failedPlugin},
		"no time of issue":         {token: f.sign(pluginHead, `{"sub":"search","aud":"catalog","exp":1800003600}`), target: "catalog", err: failedPlugin},
		"a user":                   {token: user.Token, target: "backstage", err: "Illegal token"},
		"a limited user":           {token: limited, target: "catalog", err: "Illegal token"},
		"of a key nobody knows":    {token: f.sign(`{"typ":"vnd.backstage.plugin","alg":"ES256","kid":"nobody"}`, `{"sub":"search","aud":"catalog","iat":1,"exp":1800003600}`), target: "catalog", err: failedPlugin},
		"whose header was changed": {token: part(userHead) + "." + strings.Split(body("search", "backstage", ""), ".")[1] + ".AAAA", target: "backstage", err: failedPlugin},
	} {
		got, err := f.VerifyPlugin(t.Context(), tc.token, tc.target)
		if got != tc.want || (err == nil) != (tc.err == "") || (err != nil && err.Error() != tc.err) {
			t.Errorf("%s: got %+v, %v, want %+v, %q", name, got, err, tc.want, tc.err)
		}
	}
}

func TestPlugin_CarriesTheClaimsOfTheContract(t *testing.T) {
	t.Parallel()
	f := newForger(t)
	user, err := f.User(t.Context(), User{Ref: "user:default/jane"})
	if err != nil {
		t.Fatal(err)
	}
	limited, _, err := Limited(user.Token)
	if err != nil {
		t.Fatal(err)
	}
	short := f.sign(`{"typ":"vnd.backstage.limited-user","alg":"ES256","kid":"k1"}`, `{"sub":"user:default/jane","iat":1800000000,"exp":1800000060}`)
	for name, tc := range map[string]struct {
		onBehalfOf, want string
	}{
		"for itself":                {"", `{"sub":"search","aud":"catalog","iat":1800000000,"exp":1800003600}`},
		"for a user":                {user.Token, `{"sub":"search","aud":"catalog","iat":1800000000,"exp":1800003600,"obo":"` + limited + `"}`},
		"for a limited user":        {limited, `{"sub":"search","aud":"catalog","iat":1800000000,"exp":1800003600,"obo":"` + limited + `"}`},
		"no longer than the user's": {short, `{"sub":"search","aud":"catalog","iat":1800000000,"exp":1800000060,"obo":"` + short + `"}`},
	} {
		issued, err := f.Plugin(t.Context(), Call{Source: "search", Target: "catalog", OnBehalfOf: tc.onBehalfOf})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		parts := strings.Split(issued.Token, ".")
		head, _ := b64.DecodeString(parts[0])
		body, _ := b64.DecodeString(parts[1])
		if string(head) != pluginHead || string(body) != tc.want {
			t.Errorf("%s: got\n%s %s\nwant\n%s %s", name, head, body, pluginHead, tc.want)
		}
	}
	if _, err := f.Plugin(t.Context(), Call{Source: "search", Target: "a/b"}); !fault.Is(err, fault.Invalid) {
		t.Errorf("a path for a target gave %v", err)
	}
	if _, err := f.Plugin(t.Context(), Call{Source: "search", Target: "catalog", OnBehalfOf: issuedPlugin(t, f)}); !fault.Is(err, fault.Unauthenticated) {
		t.Errorf("a plugin token in place of a user's gave %v", err)
	}
}

func issuedPlugin(t *testing.T, f *forger) string {
	t.Helper()
	issued, err := f.Plugin(t.Context(), Call{Source: "search", Target: "catalog"})
	if err != nil {
		t.Fatal(err)
	}
	return issued.Token
}

func TestUser_RefusesMoreOwnershipThanAnyVerifierTakes(t *testing.T) {
	t.Parallel()
	f := newForger(t)
	f.deps.WithOwnership = func() bool { return true }
	var refs []string
	for n := range 900 {
		refs = append(refs, fmt.Sprintf("group:default/number-%04d", n))
	}
	if _, err := f.User(t.Context(), User{Ref: "user:default/jane", Ownership: refs}); !fault.Is(err, fault.TooLarge) || !strings.Contains(err.Error(), "user:default/jane") {
		t.Errorf("900 groups gave %v, want too_large", err)
	}
	issued, err := f.User(t.Context(), User{Ref: "user:default/jane", Ownership: refs[:800]})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Verify(t.Context(), issued.Token); err != nil {
		t.Errorf("800 groups, %d bytes: %v", len(issued.Token), err)
	}
}

// TestLimited_IsWhatJavaScriptPutsTogether holds the limited token against the
// bytes that JSON.stringify gives, where Go's encoder would escape.
func TestLimited_IsWhatJavaScriptPutsTogether(t *testing.T) {
	t.Parallel()
	f := newForger(t)
	const ref = "user:default/R&D<ü>'s \"bot\""
	issued, err := f.User(t.Context(), User{Ref: ref})
	if err != nil {
		t.Fatal(err)
	}
	limited, expires, err := Limited(issued.Token)
	if err != nil || !expires.Equal(issued.Expires) {
		t.Fatalf("%v, %v", expires, err)
	}
	body, _ := b64.DecodeString(strings.Split(limited, ".")[1])
	if want := `{"sub":"user:default/R&D<ü>'s \"bot\"","iat":1800000000,"exp":1800003600}`; string(body) != want {
		t.Errorf("claims %s, want %s", body, want)
	}
	if v, err := f.Verify(t.Context(), limited); err != nil || v.Subject != ref || !v.Limited {
		t.Errorf("it verifies as %+v, %v", v, err)
	}
	if again, _, err := Limited(limited); err != nil || again != limited {
		t.Errorf("the limited token of a limited token: %v, the same: %v", err, again == limited)
	}
	for name, bad := range map[string]string{"garbage": "x.y.z", "without proof": f.user(userBody), "of a plugin": issuedPlugin(t, f)} {
		if got, _, err := Limited(bad); !fault.Is(err, fault.Unauthenticated) {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
}

func TestVerified_IsBounded(t *testing.T) {
	t.Parallel()
	var c verified
	var first [sha256.Size]byte
	for n := range 5 * maxVerified {
		digest := sha256.Sum256([]byte{byte(n), byte(n >> 8), byte(n >> 16)})
		if n == 0 {
			first = digest
		}
		c.put(digest, &proven{})
		if c.len() > maxVerified {
			t.Fatalf("after %d tokens it holds %d, want at most %d", n+1, c.len(), maxVerified)
		}
		if _, ok := c.get(digest); !ok {
			t.Fatalf("token %d was forgotten at once", n)
		}
	}
	if _, ok := c.get(first); ok {
		t.Error("the first token is still there")
	}
}
