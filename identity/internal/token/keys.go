package token

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"regexp"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/stagedoor/stagedoor/identity/internal/pace"
	"github.com/stagedoor/stagedoor/internal/fault"
)

const (
	// lead is how long before its first signature the next key is published,
	// so that verifiers elsewhere, which fetch keys now and then, have it.
	lead = 10 * time.Minute
	// rereadEvery spaces the reads for keys that are not known.
	rereadEvery = time.Second
	// refreshEvery is how long a key that was taken out of the store works on.
	refreshEvery = time.Minute
	// refreshTimeout ends a refresh, which the keys at hand can wait for.
	refreshTimeout = 2 * time.Second
	// absentFor is how long a key id that the store does not have is not
	// looked for again. Ids are random and published before they are used, so
	// an absent one stays absent.
	absentFor = 30 * time.Second
	maxAbsent = 1024
)

// kidPattern is what a key id looks like. Others are not even looked for.
var kidPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// errUnknownKey is a token of somebody else, or of nobody.
var errUnknownKey = errors.New("no such signing key")

// KeyStore keeps public keys where all replicas find them.
type KeyStore interface {
	// AddKey stores the public key until it expires.
	AddKey(ctx context.Context, kid string, jwk []byte, expires time.Time) error
	// Keys returns the public keys that have not expired at now.
	Keys(ctx context.Context, now time.Time) ([][]byte, error)
}

// keyring holds this replica's signing key and everybody's public keys.
type keyring struct {
	store KeyStore
	clock func() time.Time
	newID func() string
	// span is how long a key signs: no token lives longer.
	span func() time.Duration

	making  sync.Mutex // held while a key is made
	reread  *pace.Pace
	refresh atomic.Int64 // when the next refresh is due, in Unix nanoseconds

	mu            sync.RWMutex
	current, next *signingKey
	known         map[string]*ecdsa.PublicKey
	absent        map[string]time.Time
}

type signingKey struct {
	kid       string
	private   *ecdsa.PrivateKey
	published time.Time
	retires   time.Time // signs until then
	expires   time.Time // published until then
}

func newKeyring(d Deps) *keyring {
	return &keyring{
		store: d.Keys, clock: d.Clock, newID: d.NewID,
		span:   func() time.Duration { return max(d.Life(), pluginLife) },
		reread: pace.New(rereadEvery, d.Clock),
		known:  map[string]*ecdsa.PublicKey{}, absent: map[string]time.Time{},
	}
}

// signing returns the key to sign with, making and publishing one when there
// is none or it is due to retire. The next one is made a while before.
func (k *keyring) signing(ctx context.Context) (*signingKey, error) {
	now, span := k.clock(), k.span()
	if key, prepared := k.usable(now, span); key != nil && prepared {
		return key, nil
	}
	k.making.Lock()
	defer k.making.Unlock()
	key, prepared := k.usable(now, span)
	if key != nil && prepared {
		return key, nil
	}
	if key == nil {
		made, err := k.make(ctx, now, span)
		if err != nil {
			return nil, err
		}
		k.keep(func() { k.current, k.next = made, nil }, made)
		return made, nil
	}
	// Early is early: when this fails the key at hand signs on, and the next
	// caller tries again.
	if made, err := k.make(ctx, key.retires, span); err == nil {
		k.keep(func() { k.current, k.next = key, made }, made)
	}
	return key, nil
}

// usable returns the key that signs now, if there is one, and whether there is
// nothing to prepare.
func (k *keyring) usable(now time.Time, span time.Duration) (key *signingKey, prepared bool) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	fits := func(key *signingKey) bool {
		// A life that was made longer must not outlive the key.
		return key != nil && now.Before(key.retires) && !now.Add(span).After(key.expires)
	}
	switch {
	case fits(k.current):
		return k.current, now.Before(k.current.retires.Add(-lead)) || fits(k.next)
	case fits(k.next):
		return k.next, now.Before(k.next.retires.Add(-lead))
	}
	return nil, false
}

func (k *keyring) make(ctx context.Context, starts time.Time, span time.Duration) (*signingKey, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make signing key: %w", err)
	}
	key := &signingKey{kid: k.newID(), private: private, retires: starts.Add(span), expires: starts.Add(3 * span)}
	public := jose.JSONWebKey{Key: private.Public(), KeyID: key.kid, Algorithm: algES256}
	raw, err := public.MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("encode signing key: %w", err)
	}
	// A key signs for one span; the last token it signed lives one more, and
	// clocks and caches get a third.
	if err := k.store.AddKey(ctx, key.kid, raw, key.expires); err != nil {
		return nil, fmt.Errorf("publish signing key: %w", err)
	}
	key.published = k.clock()
	return key, nil
}

// keep takes a fresh key into the ring.
func (k *keyring) keep(change func(), key *signingKey) {
	k.mu.Lock()
	defer k.mu.Unlock()
	change()
	k.known[key.kid] = &key.private.PublicKey
}

// has reports whether the key is known, without looking for it.
func (k *keyring) has(kid string) bool {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.known[kid] != nil
}

// public finds a public key. An unknown one is looked for in the store, as
// another replica may have made it a moment ago. It returns errUnknownKey, or
// an error with code unavailable when the store does not answer.
func (k *keyring) public(ctx context.Context, kid string) (*ecdsa.PublicKey, error) {
	k.keepFresh(ctx)
	if key := k.lookup(kid); key != nil {
		return key, nil
	}
	if !kidPattern.MatchString(kid) || k.isAbsent(kid) {
		return nil, errUnknownKey
	}
	if err := k.reread.Do(ctx, k.read); err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "read signing keys")
	}
	if key := k.lookup(kid); key != nil {
		return key, nil
	}
	k.setAbsent(kid)
	return nil, errUnknownKey
}

func (k *keyring) lookup(kid string) *ecdsa.PublicKey {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.known[kid]
}

// keepFresh reads the store once a minute, so that a key that was taken out of
// it stops working. When the store does not answer the keys stay.
func (k *keyring) keepFresh(ctx context.Context) {
	now := k.clock()
	due := k.refresh.Load()
	if now.UnixNano() < due || !k.refresh.CompareAndSwap(due, now.Add(refreshEvery).UnixNano()) || due == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, refreshTimeout)
	defer cancel()
	_ = k.reread.Do(ctx, k.read)
}

// read takes in what the store has.
func (k *keyring) read(ctx context.Context) error {
	started := k.clock()
	stored, err := k.store.Keys(ctx, started)
	if err != nil {
		return err
	}
	known := make(map[string]*ecdsa.PublicKey, len(stored))
	for _, raw := range stored {
		var jwk jose.JSONWebKey
		if err := jwk.UnmarshalJSON(raw); err != nil {
			return fmt.Errorf("decode signing key: %w", err)
		}
		key, ok := jwk.Key.(*ecdsa.PublicKey)
		if !ok || key.Curve != elliptic.P256() {
			return fmt.Errorf("decode signing key %s: not one of the curve P-256", jwk.KeyID)
		}
		known[jwk.KeyID] = key
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, own := range []**signingKey{&k.current, &k.next} {
		key := *own
		if key == nil || known[key.kid] != nil {
			continue
		}
		if key.published.Before(started) { // somebody took it out: sign with it no more
			*own = nil
			continue
		}
		known[key.kid] = &key.private.PublicKey
	}
	k.known = known
	return nil
}

func (k *keyring) isAbsent(kid string) bool {
	k.mu.RLock()
	defer k.mu.RUnlock()
	until, ok := k.absent[kid]
	return ok && k.clock().Before(until)
}

func (k *keyring) setAbsent(kid string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.absent) >= maxAbsent {
		clear(k.absent)
	}
	k.absent[kid] = k.clock().Add(absentFor)
}

// fresh is has, after a refresh when one is due.
func (k *keyring) fresh(ctx context.Context, kid string) bool {
	k.keepFresh(ctx)
	return k.has(kid)
}
