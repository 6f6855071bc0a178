package gateway

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/time/rate"

	"github.com/stagedoor/stagedoor/internal/fault"
)

const (
	maxKeyAnswer = 1 << 20
	// keyLife is how long keys are used without asking again; keys that cannot
	// be fetched anew are used for staleLife.
	keyLife   = time.Hour
	staleLife = 6 * time.Hour
	// askAgain is the least time between two requests for a set of keys, so
	// that invented key ids do not become requests.
	askAgain = 30 * time.Second
	// maxKeys bounds the keys of one gateway.
	maxKeys = 64
)

var errNoKey = errors.New("nobody knows the key of the token")

// get fetches what a gateway publishes.
func get(ctx context.Context, client *http.Client, address string, header http.Header) ([]byte, int, error) {
	ctx, cancel := context.WithTimeout(ctx, keyFetchTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, 0, fmt.Errorf("ask %s: %w", address, err)
	}
	for name, values := range header {
		req.Header[name] = values
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, 0, fault.Newf(fault.Unavailable, "ask the sign-in gateway: %w", err)
	}
	defer func() { _ = resp.Body.Close() }() // read to its end or given up
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxKeyAnswer))
	if err != nil {
		return nil, 0, fault.Newf(fault.Unavailable, "read the answer of the sign-in gateway: %w", err)
	}
	return body, resp.StatusCode, nil
}

// keySet holds all keys of a gateway, fetched from one address.
type keySet struct {
	address string
	parse   func([]byte) (map[string]crypto.PublicKey, error)
	client  *http.Client
	clock   func() time.Time

	asking sync.Mutex // held while the keys are fetched, and guards tried
	tried  time.Time

	mu      sync.Mutex
	keys    map[string]crypto.PublicKey
	fetched time.Time
}

// key implements [keyOf]. Who has a key that is known does not wait for those
// who have none.
func (s *keySet) key(ctx context.Context, kid string) (crypto.PublicKey, error) {
	if pub, age := s.lookup(kid); pub != nil && age < keyLife {
		return pub, nil
	}
	s.asking.Lock()
	defer s.asking.Unlock()
	pub, age := s.lookup(kid)
	if pub != nil && age < keyLife {
		return pub, nil
	}
	if now := s.clock(); s.tried.IsZero() || now.Sub(s.tried) >= askAgain {
		s.tried = now
		// Others wait for the same answer, so one who leaves does not end it.
		if err := s.fetch(context.WithoutCancel(ctx), now); err != nil {
			if pub != nil && age < staleLife {
				return pub, nil
			}
			return nil, err
		}
		pub, age = s.lookup(kid)
	}
	if pub == nil || age >= staleLife {
		return nil, errNoKey
	}
	return pub, nil
}

func (s *keySet) lookup(kid string) (pub crypto.PublicKey, age time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keys[kid], s.clock().Sub(s.fetched)
}

func (s *keySet) fetch(ctx context.Context, now time.Time) error {
	body, status, err := get(ctx, s.client, s.address, nil)
	if err != nil {
		return err
	}
	if status != http.StatusOK {
		return fault.Newf(fault.Unavailable, "the sign-in gateway's keys cannot be fetched: status %d", status)
	}
	keys, err := s.parse(body)
	if err != nil {
		return fault.Newf(fault.Unavailable, "the sign-in gateway's keys cannot be read: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys, s.fetched = keys, now
	return nil
}

// parseJWKS reads a JSON Web Key Set. Keys of other kinds are left out.
func parseJWKS(body []byte) (map[string]crypto.PublicKey, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(body, &set); err != nil {
		return nil, fmt.Errorf("read key set: %w", err)
	}
	keys := map[string]crypto.PublicKey{}
	for _, raw := range set.Keys {
		var k jose.JSONWebKey
		if err := json.Unmarshal(raw, &k); err == nil && k.IsPublic() && k.KeyID != "" && len(keys) < maxKeys {
			keys[k.KeyID] = k.Key
		}
	}
	return keys, nil
}

// parsePEMs reads an object of PEM texts by key id.
func parsePEMs(body []byte) (map[string]crypto.PublicKey, error) {
	var texts map[string]string
	if err := json.Unmarshal(body, &texts); err != nil {
		return nil, fmt.Errorf("read keys: %w", err)
	}
	keys := map[string]crypto.PublicKey{}
	for kid, text := range texts {
		if pub, err := parsePEM([]byte(text)); err == nil && len(keys) < maxKeys {
			keys[kid] = pub
		}
	}
	return keys, nil
}

func parsePEM(text []byte) (crypto.PublicKey, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("not a PEM block")
	}
	pub, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read public key: %w", err)
	}
	return pub, nil
}

// The pace of requests for single keys: a gateway has few, but anybody can
// invent ids.
const (
	fetchesPerSecond = 1
	fetchBurst       = 10
)

// singleKeys fetches keys one by one, from an address that ends in the id.
type singleKeys struct {
	base   string
	client *http.Client
	clock  func() time.Time
	pace   *rate.Limiter

	mu   sync.Mutex
	keys map[string]heldKey
}

type heldKey struct {
	pub     crypto.PublicKey
	fetched time.Time
}

func newSingleKeys(base string, d Deps) *singleKeys {
	return &singleKeys{
		base: strings.TrimSuffix(base, "/"), client: d.Client, clock: d.Clock,
		pace: rate.NewLimiter(fetchesPerSecond, fetchBurst), keys: map[string]heldKey{},
	}
}

// key implements [keyOf].
func (s *singleKeys) key(ctx context.Context, kid string) (crypto.PublicKey, error) {
	if !plainKeyID(kid) {
		return nil, errNoKey
	}
	now := s.clock()
	s.mu.Lock()
	held, ok := s.keys[kid]
	s.mu.Unlock()
	if ok && now.Sub(held.fetched) < keyLife {
		return held.pub, nil
	}
	if !s.pace.AllowN(now, 1) {
		if ok && now.Sub(held.fetched) < staleLife {
			return held.pub, nil // whoever uses the pace up shuts nobody out
		}
		return nil, fault.New(fault.Unavailable, "too many unknown keys were asked for; try again in a few seconds")
	}
	pub, err := s.fetch(ctx, kid)
	if err != nil {
		if ok && fault.Is(err, fault.Unavailable) && now.Sub(held.fetched) < staleLife {
			return held.pub, nil
		}
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.keys) >= maxKeys {
		clear(s.keys)
	}
	s.keys[kid] = heldKey{pub, now}
	return pub, nil
}

func (s *singleKeys) fetch(ctx context.Context, kid string) (crypto.PublicKey, error) {
	body, status, err := get(ctx, s.client, s.base+"/"+url.PathEscape(kid), nil)
	switch {
	case err != nil:
		return nil, err
	case status >= http.StatusInternalServerError:
		return nil, fault.Newf(fault.Unavailable, "the sign-in gateway's keys cannot be fetched: status %d", status)
	case status != http.StatusOK:
		return nil, errNoKey
	}
	return parsePEM(body)
}

// plainKeyID keeps ids out of addresses that could lead elsewhere.
func plainKeyID(kid string) bool {
	const longest = 128
	return len(kid) <= longest && !strings.ContainsFunc(kid, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_'
	})
}
