package token

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stagedoor/stagedoor/identity/internal/pace"
)

// FuzzVerify holds that nothing is accepted but what was signed. The key is
// always the same, as the fuzzer runs in several processes.
func FuzzVerify(f *testing.F) {
	of := newForger(f)
	private, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), bytes.Repeat([]byte{7}, 32))
	if err != nil {
		f.Fatal(err)
	}
	of.key.private = private
	of.keys.known["k1"] = &private.PublicKey
	of.keys.reread = pace.New(0, of.deps.Clock) // an unknown key shall not take a second
	signedInputs := map[string]bool{}
	for _, t := range []string{
		of.user(userBody),
		of.sign(`{"typ":"vnd.backstage.limited-user","alg":"ES256","kid":"k1"}`, `{"sub":"user:default/jane","iat":1800000000,"exp":1800003600}`),
		of.sign(pluginHead, `{"sub":"search","aud":"catalog","iat":1800000000,"exp":1800003600}`),
	} {
		if _, err := of.Verify(f.Context(), t); err != nil && !strings.Contains(t, part(pluginHead)) {
			f.Fatalf("a seed is refused: %v", err)
		}
		signedInputs[t[:strings.LastIndex(t, ".")]] = true
		f.Add(t, userBody)
	}
	for _, t := range forgeries(of) {
		if len(t) < 2000 {
			f.Add(t, `{"exp":1e9,"aud":["a"],"nbf":0.5}`)
		}
	}
	f.Fuzz(func(t *testing.T, token, payload string) {
		_, err := of.Verify(t.Context(), token)
		_, pluginErr := of.VerifyPlugin(t.Context(), token, "catalog")
		if (err == nil || pluginErr == nil) && !signedInputs[token[:strings.LastIndex(token, ".")]] {
			t.Errorf("accepted %q", token)
		}
		// Claims that were signed, whatever they are: no panic, and what is
		// accepted is what an ordinary decoder reads.
		local := &forger{of.Issuer, t, of.key, of.shelf}
		v, err := of.Verify(t.Context(), local.user(payload))
		if err != nil {
			return
		}
		var c map[string]any
		if json.Unmarshal([]byte(payload), &c) != nil || c["sub"] != v.Subject || !v.Expires.After(noon) {
			t.Errorf("the payload %q verifies as %+v", payload, v)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	f := newForger(b)
	issued, err := f.User(b.Context(), User{Ref: "user:default/jane"})
	if err != nil {
		b.Fatal(err)
	}
	b.Run("remembered", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := f.Verify(b.Context(), issued.Token); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("new", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			f.seen = verified{} //nolint:govet // nobody else holds the lock here
			if _, err := f.Verify(b.Context(), issued.Token); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("garbage", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := f.Verify(b.Context(), "not-a-token"); err == nil {
				b.Fatal("accepted")
			}
		}
	})
}

func BenchmarkIssue(b *testing.B) {
	f := newForger(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.User(b.Context(), User{Ref: "user:default/jane"}); err != nil {
			b.Fatal(err)
		}
	}
}
