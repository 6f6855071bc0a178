package usersetting

import (
	"context"
	"encoding/json"
)

// Channel is the channel of the signals that tell a user's other pages of a
// [Change].
const Channel = "user-settings"

// Change is the message of such a signal.
type Change struct {
	Type string `json:"type"` // key-changed or key-deleted
	Key  string `json:"key"`
}

// Key names a value of a user.
type Key struct {
	Bucket string `json:"bucket"`
	Key    string `json:"key"`
}

// Settings reads and changes what users have set. The user is an entity ref.
// Safe for concurrent use.
type Settings interface {
	// Get returns the value, or an error with code not_found.
	Get(ctx context.Context, user string, key Key) (json.RawMessage, error)
	// Multiget returns the values in the order of keys; an item is nil where
	// there is none.
	Multiget(ctx context.Context, user string, keys []Key) ([]json.RawMessage, error)
	// Set stores the value and tells the user's pages. It returns an error
	// with code invalid for a name that is empty or too long or a value that
	// is not JSON, and too_large when the value is, or the user has too many.
	Set(ctx context.Context, user string, key Key, value json.RawMessage) error
	// Delete removes the value, if there is one, and tells the user's pages.
	Delete(ctx context.Context, user string, key Key) error
}
