package httpx

import (
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
)

// nonceBytes is the length that the Content Security Policy specification asks
// for: 128 bits.
const nonceBytes = 16

// NonceCSP makes a nonce and admits it in the content security policy that the
// answer carries so far, so that elements with that nonce attribute run:
//
//	nonce := httpx.NonceCSP(w.Header(), "script-src")
//	fmt.Fprintf(w, `<script nonce=%q>…</script>`, nonce)
//
// Call it after the last change of the policy and before the first byte of the
// body; use the nonce for one answer only, and let nobody store that answer. A
// directive that the policy does not have is added with the sources of
// default-src, which would have applied. Without a policy everything runs, and
// the headers stay as they are. In a directive with a nonce browsers ignore
// 'unsafe-inline'.
func NonceCSP(h http.Header, directives ...string) string {
	var b [nonceBytes]byte
	_, _ = rand.Read(b[:]) // never fails
	nonce := base64.StdEncoding.EncodeToString(b[:])
	if policy := h.Get("Content-Security-Policy"); policy != "" {
		for _, name := range directives {
			policy = admitSource(policy, name, "'nonce-"+nonce+"'")
		}
		h.Set("Content-Security-Policy", policy)
	}
	return nonce
}

// admitSource adds a source to a directive of the policy.
func admitSource(policy, directive, source string) string {
	const none = "'none'"
	var fallback []string
	parts := strings.Split(policy, ";")
	for i, part := range parts {
		fields := strings.Fields(part)
		if len(fields) == 0 {
			continue
		}
		switch strings.ToLower(fields[0]) {
		case directive:
			fields = slices.DeleteFunc(fields, func(f string) bool { return f == none })
			parts[i] = strings.Join(append(fields, source), " ")
			return strings.Join(parts, ";")
		case "default-src":
			fallback = slices.DeleteFunc(fields[1:], func(f string) bool { return f == none })
		}
	}
	if fallback == nil {
		return policy // neither directive: what runs is not restricted
	}
	added := append([]string{directive}, fallback...)
	return policy + ";" + strings.Join(append(added, source), " ")
}
