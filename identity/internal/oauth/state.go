package oauth

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/stagedoor/stagedoor/internal/fault"
)

// state travels through the identity provider and back.
type state struct {
	nonce, env, origin, redirectURL, flow, scope string
}

const flowRedirect = "redirect"

// encode renders the state as clients of Backstage's protocol do: the hex form
// of a query string. What is empty is left out.
func (s state) encode() string {
	var b strings.Builder
	for _, p := range [][2]string{
		{"nonce", s.nonce}, {"env", s.env}, {"origin", s.origin}, {"redirectUrl", s.redirectURL}, {"flow", s.flow}, {"scope", s.scope},
	} {
		if p[1] == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('&')
		}
		b.WriteString(p[0] + "=" + url.QueryEscape(p[1]))
	}
	return hex.EncodeToString([]byte(b.String()))
}

// decodeState returns an error with code forbidden for what is no state.
func decodeState(text string) (state, error) {
	raw, err := hex.DecodeString(text)
	if err != nil {
		return state{}, fault.New(fault.Forbidden, "OAuth state is invalid; start the sign-in again")
	}
	q, err := url.ParseQuery(string(raw))
	if err != nil {
		return state{}, fault.New(fault.Forbidden, "OAuth state is invalid; start the sign-in again")
	}
	s := state{q.Get("nonce"), q.Get("env"), q.Get("origin"), q.Get("redirectUrl"), q.Get("flow"), q.Get("scope")}
	switch {
	case s.env == "":
		return s, fault.New(fault.Forbidden, "OAuth state is invalid, missing env")
	case s.nonce == "":
		return s, fault.New(fault.Forbidden, "OAuth state is invalid, missing nonce")
	}
	return s, nil
}

// random returns n random bytes as text that fits URLs and cookies.
func random(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)
}

// tokenNonce is the nonce of the id token. It hangs on the verifier, which only
// the browser has, so the id token answers this browser's request.
func tokenNonce(verifier string) string {
	sum := sha256.Sum256([]byte("nonce of the id token\n" + verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// maxUsed bounds the states that one replica remembers as used.
const maxUsed = 16384

// used remembers the states that came back, so that none comes back twice
// within the life of its cookie. Other replicas are told by the identity
// provider, which takes a code once.
type used struct {
	mu         sync.Mutex
	young, old map[[sha256.Size]byte]struct{}
	turned     time.Time
}

// first reports whether the nonce comes for the first time.
func (u *used) first(nonce string, now time.Time) bool {
	key := sha256.Sum256([]byte(nonce))
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.young == nil || now.Sub(u.turned) > nonceLife || len(u.young) >= maxUsed/2 {
		u.old, u.young, u.turned = u.young, map[[sha256.Size]byte]struct{}{}, now
	}
	_, inYoung := u.young[key]
	_, inOld := u.old[key]
	u.young[key] = struct{}{}
	return !inYoung && !inOld
}
