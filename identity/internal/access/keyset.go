package access

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/stagedoor/stagedoor/identity/internal/pace"
	"github.com/stagedoor/stagedoor/internal/fault"
)

// How keys of others are read.
const (
	keysFresh   = 10 * time.Minute // a set is good for so long
	keysStale   = time.Hour        // and for so long when it cannot be read again
	keysEvery   = 2 * time.Second  // it is read no more often
	keysPause   = 5 * time.Second  // after a failure it is left alone
	keysTimeout = 5 * time.Second
	maxSetBytes = 1 << 20
	maxSetKeys  = 200
	minRSABits  = 2048
)

// keySet is a JSON Web Key Set that somebody else publishes. Keys are looked
// up in what was read; an unknown one, or an old set, is read again.
type keySet struct {
	where  string // the place in the configuration, for the log
	url    *url.URL
	client *http.Client
	clock  func() time.Time
	logger *slog.Logger
	pace   *pace.Pace

	mu     sync.RWMutex
	keys   []jose.JSONWebKey
	read   time.Time
	failed time.Time
	err    error
}

func newKeySet(where string, u *url.URL, d Deps) *keySet {
	return &keySet{where: where, url: u, client: d.Client, clock: d.Clock, logger: d.Logger, pace: pace.New(keysEvery, d.Clock)}
}

// has reports whether the key was in the set when it was read last.
func (s *keySet) has(kid string) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for i := range s.keys {
		if kid != "" && s.keys[i].KeyID == kid {
			return true
		}
	}
	return false
}

// find returns the key for a token, or nil when the set has none. A token that
// names no key is that of the only one that fits.
func (s *keySet) find(ctx context.Context, kid, alg string) (*jose.JSONWebKey, error) {
	key, age := s.lookup(kid, alg)
	if age < keysFresh && (key != nil || kid == "") {
		return key, nil
	}
	err := s.reread(ctx)
	if err == nil {
		key, _ = s.lookup(kid, alg)
		return key, nil
	}
	if key != nil && age < keysStale {
		return key, nil
	}
	return nil, err
}

func (s *keySet) lookup(kid, alg string) (key *jose.JSONWebKey, age time.Duration) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for i := range s.keys {
		k := &s.keys[i]
		if (kid != "" && k.KeyID != kid) || !fits(k, alg) {
			continue
		}
		if key != nil { // which one it is cannot be told
			return nil, s.clock().Sub(s.read)
		}
		key = k
	}
	return key, s.clock().Sub(s.read)
}

// fits reports whether the key verifies signatures of the algorithm.
func fits(k *jose.JSONWebKey, alg string) bool {
	if (k.Use != "" && k.Use != "sig") || (k.Algorithm != "" && k.Algorithm != alg) {
		return false
	}
	switch key := k.Key.(type) {
	case *rsa.PublicKey:
		return (strings.HasPrefix(alg, "RS") || strings.HasPrefix(alg, "PS")) && key.N.BitLen() >= minRSABits
	case *ecdsa.PublicKey:
		return map[string]int{"ES256": 256, "ES384": 384, "ES512": 521}[alg] == key.Curve.Params().BitSize
	case ed25519.PublicKey:
		return alg == "EdDSA"
	}
	return false
}

// reread fetches the set, unless that failed a moment ago.
func (s *keySet) reread(ctx context.Context) error {
	s.mu.RLock()
	failed, err := s.failed, s.err
	s.mu.RUnlock()
	if err != nil && s.clock().Sub(failed) < keysPause {
		return err
	}
	return s.pace.Do(ctx, func(ctx context.Context) error {
		keys, err := s.fetch(ctx)
		s.mu.Lock()
		defer s.mu.Unlock()
		if err == nil {
			s.keys, s.read, s.err = keys, s.clock(), nil
			return nil
		}
		if ctx.Err() != nil { // the client went away, which is not the set's fault
			return err
		}
		s.logger.WarnContext(ctx, "keys of an external caller cannot be read", "entry", s.where, "url", s.url.Redacted(), "error", err)
		s.failed = s.clock()
		s.err = fmt.Errorf("%s: %w: %w", s.where, errKeysUnavailable, err)
		return s.err
	})
}

var errKeysUnavailable = fault.New(fault.Unavailable, "The keys of the token's issuer cannot be read at the moment")

func (s *keySet) fetch(ctx context.Context) (keys []jose.JSONWebKey, err error) {
	ctx, cancel := context.WithTimeout(ctx, keysTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url.String(), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json, application/jwk-set+json")
	res, err := s.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, res.Body.Close()) }()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the server answered %s", res.Status)
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxSetBytes+1))
	if err != nil {
		return nil, err
	}
	if len(body) > maxSetBytes {
		return nil, fmt.Errorf("the set has more than %d bytes", maxSetBytes)
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(body, &set); err != nil || set.Keys == nil {
		return nil, errors.New("the answer is not a JSON Web Key Set")
	}
	if len(set.Keys) > maxSetKeys {
		return nil, fmt.Errorf("the set has more than %d keys", maxSetKeys)
	}
	for _, raw := range set.Keys {
		var key jose.JSONWebKey
		// A kind of key that we do not know is no reason to refuse the others.
		if key.UnmarshalJSON(raw) == nil && key.Valid() && key.IsPublic() {
			keys = append(keys, key)
		}
	}
	return keys, nil
}
