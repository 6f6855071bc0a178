package chain

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"hash"
	"strconv"

	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/internal/secret"
)

// minKey is the least number of bytes of a key: who has the chain can try
// keys.
const minKey = 16

// Keys are the keys of the chain. The zero value is no key. Safe for
// concurrent use.
type Keys struct {
	current string // the id; empty for none
	known   map[string][]byte
}

// NewKeys returns keys that seal with current, if it is not empty, and verify
// with previous ones too. It returns an error with code invalid for a key that
// is too short, and for previous keys without a current one.
func NewKeys(current secret.Text, previous ...secret.Text) (Keys, error) {
	if current.IsZero() {
		if len(previous) > 0 {
			return Keys{}, fault.New(fault.Invalid, "stagedoor.audit.previousKeys: there is no stagedoor.audit.key that came after them")
		}
		return Keys{}, nil
	}
	k := Keys{known: map[string][]byte{}}
	for i, text := range append([]secret.Text{current}, previous...) {
		raw := []byte(text.Reveal())
		if len(raw) < minKey {
			return Keys{}, fault.Newf(fault.Invalid, "stagedoor.audit.key: a key has at least %d bytes, this one has %d", minKey, len(raw))
		}
		id := keyID(raw)
		k.known[id] = raw
		if i == 0 {
			k.current = id
		}
	}
	return k, nil
}

// keyID names a key without telling anything about it that an event sealed
// with it does not tell.
func keyID(key []byte) string {
	mac := hmac.New(sha256.New, key)
	_, _ = mac.Write([]byte("stagedoor audit key")) // a hash never fails
	return hex.EncodeToString(mac.Sum(nil)[:4])
}

// Current names the key that new events are sealed with; empty for none.
func (k Keys) Current() string { return k.current }

// Knows reports whether events sealed with the key can be verified. The empty
// key is known always.
func (k Keys) Knows(id string) bool { return id == "" || k.known[id] != nil }

func (k Keys) hash(id string) (hash.Hash, error) {
	if id == "" {
		return sha256.New(), nil
	}
	key, ok := k.known[id]
	if !ok {
		return nil, fault.Newf(fault.Invalid, "it is sealed with the key %s, which is not configured", id)
	}
	return hmac.New(sha256.New, key), nil
}

// genesis is what the first event is chained to.
const genesis = "0000000000000000000000000000000000000000000000000000000000000000"

// Seal gives the entry the number after that of the head and chains it; the
// head is moved to it.
func (k Keys) Seal(h *Head, e *Entry) error {
	if raw, err := hex.DecodeString(h.Hash); err != nil || len(raw) != sha256.Size {
		h.Hash = genesis // none yet, or somebody broke it
	}
	e.Seq, e.Previous, e.Key = h.Seq+1, h.Hash, k.current
	sum, err := k.sum(e, e.AppendCanonical(nil))
	if err != nil {
		return err
	}
	e.Hash = sum
	h.Seq, h.Hash = e.Seq, e.Hash
	return nil
}

// sum computes the hash that the entry with these canonical bytes should have.
func (k Keys) sum(e *Entry, canonical []byte) (string, error) {
	previous, err := hex.DecodeString(e.Previous)
	if err != nil || len(previous) != sha256.Size {
		return "", fault.Newf(fault.Invalid, "its previous hash is no hash")
	}
	h, err := k.hash(e.Key)
	if err != nil {
		return "", err
	}
	_, _ = h.Write(previous) // a hash never fails
	_, _ = h.Write(canonical)
	return hex.EncodeToString(h.Sum(nil)), nil
}

// Head says where the chain ends and where it begins.
type Head struct {
	// Seq and Hash are those of the last event; zero for an empty chain.
	Seq  int64
	Hash string
	// FromSeq and FromHash are those of the last event that was removed for
	// its age; zero when none was.
	FromSeq  int64
	FromHash string
	// Key and Seal protect the fields above.
	Key, Seal string
}

// SealHead protects the head as it is now.
func (k Keys) SealHead(h *Head) error {
	h.Key = k.current
	seal, err := k.headSum(h)
	if err != nil {
		return fmt.Errorf("seal the head of the audit log: %w", err)
	}
	h.Seal = seal
	return nil
}

// Intact reports whether the head is as [Keys.SealHead] left it.
func (k Keys) Intact(h *Head) bool {
	seal, err := k.headSum(h)
	return err == nil && subtle.ConstantTimeCompare([]byte(seal), []byte(h.Seal)) == 1
}

func (k Keys) headSum(h *Head) (string, error) {
	sum, err := k.hash(h.Key)
	if err != nil {
		return "", err
	}
	b := append([]byte("head\n"), strconv.FormatInt(h.Seq, 10)...)
	b = append(append(b, '\n'), h.Hash...)
	b = strconv.AppendInt(append(b, '\n'), h.FromSeq, 10)
	b = append(append(b, '\n'), h.FromHash...)
	_, _ = sum.Write(b)
	return hex.EncodeToString(sum.Sum(nil)), nil
}
