package github_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"testing"

	"github.com/stagedoor/stagedoor/integration/github"
	"github.com/stagedoor/stagedoor/integration/internal/hosttest"
)

func TestApp_Keys(t *testing.T) {
	t.Parallel()
	pkcs1, key := testKey(t)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	curveDER, err := x509.MarshalPKCS8PrivateKey(curve)
	if err != nil {
		t.Fatal(err)
	}
	block := func(der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	}
	for name, tc := range map[string]struct {
		text string
		ok   bool
	}{
		"PKCS 1":       {pkcs1, true},
		"PKCS 8":       {block(der), true},
		"not RSA":      {block(curveDER), false},
		"no key":       {block([]byte("x")), false},
		"not even PEM": {"secret", false},
	} {
		p := hosttest.New(t, fmt.Sprintf(`{"integrations": {"github": [{"host": "github.com", "apps": [{"appId": 1, "privateKey": %q}]}]}}`, tc.text))
		if err := (github.Plugin{}).Init(t.Context(), p.Host); (err == nil) != tc.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}
