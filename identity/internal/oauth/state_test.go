package oauth

import (
	"encoding/hex"
	"fmt"
	"net/url"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/fault"
)

// FuzzState checks that what comes back is what was sent, and that nothing
// that anybody sends breaks anything.
func FuzzState(f *testing.F) {
	f.Add("nonce=a&env=b&origin=https%3A%2F%2Fc&redirectUrl=d&flow=popup&scope=e+f")
	f.Add("env=b")
	f.Add("%zz")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := decodeState(hex.EncodeToString([]byte(text)))
		if err != nil {
			if !fault.Is(err, fault.Forbidden) {
				t.Errorf("got %v, want forbidden", err)
			}
			return
		}
		again, err := decodeState(s.encode())
		if err != nil || again != s {
			t.Errorf("%+v became %+v, %v", s, again, err)
		}
	})
}

func TestState_HasTheOrderThatClientsKnow(t *testing.T) {
	t.Parallel()
	s := state{nonce: "n/=", env: "production", origin: "https://a.b", redirectURL: "https://a.b/c?d=e f", flow: "redirect", scope: "x y"}
	raw, err := hex.DecodeString(s.encode())
	if want := "nonce=n%2F%3D&env=production&origin=https%3A%2F%2Fa.b&redirectUrl=https%3A%2F%2Fa.b%2Fc%3Fd%3De+f&flow=redirect&scope=x+y"; err != nil || string(raw) != want {
		t.Errorf("got  %s\nwant %s", raw, want)
	}
	if _, err := decodeState("not hex"); !fault.Is(err, fault.Forbidden) {
		t.Errorf("got %v, want forbidden", err)
	}
}

func TestUsed_ForgetsOnlyWhatCannotComeBack(t *testing.T) {
	t.Parallel()
	var u used
	now := time.Unix(1e9, 0)
	if !u.first("a", now) || u.first("a", now) || u.first("a", now.Add(nonceLife)) {
		t.Error("a nonce counts once in its life")
	}
	for i := range maxUsed {
		u.first(fmt.Sprint(i), now)
	}
	if n := len(u.young) + len(u.old); n > maxUsed {
		t.Errorf("%d nonces are remembered", n)
	}
}

func TestCookies_PathsFollowTheCallback(t *testing.T) {
	t.Parallel()
	for callback, want := range map[string]string{
		"http://h/api/auth/oidc/handler/frame":   "/api/auth/oidc",
		"http://h/x/api/auth/oidc/handler/frame": "/x/api/auth/oidc",
		"http://h/other":                         "/other/oidc",
		"http://h/":                              "/oidc",
	} {
		u, err := url.Parse(callback)
		if err != nil {
			t.Fatal(err)
		}
		if got := newCookies("oidc", u, "http://h", 0).path; got != want {
			t.Errorf("%s: %s, want %s", callback, got, want)
		}
	}
}
