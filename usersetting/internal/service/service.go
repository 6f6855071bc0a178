// Package service checks what users set, stores it and tells their pages.
//
// Start reading at [Service].
package service

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"unicode/utf8"

	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/signal"
	"github.com/stagedoor/stagedoor/usersetting"
	"github.com/stagedoor/stagedoor/usersetting/internal/store"
)

// The bounds of what a user may store.
const (
	MaxValue = 1 << 20 // bytes
	maxName  = 255     // characters of a bucket or a key
	MaxItems = 1000    // keys of one Multiget
)

// Service implements usersetting.Settings.
type Service struct {
	Store   *store.Store
	Signals signal.Publisher
	Logger  *slog.Logger
}

// Get implements usersetting.Settings.
func (s *Service) Get(ctx context.Context, user string, key usersetting.Key) (json.RawMessage, error) {
	if err := checkKey(key); err != nil {
		return nil, err
	}
	return s.Store.Get(ctx, strings.ToLower(user), key)
}

// Multiget implements usersetting.Settings.
func (s *Service) Multiget(ctx context.Context, user string, keys []usersetting.Key) ([]json.RawMessage, error) {
	if len(keys) > MaxItems {
		return nil, fault.Newf(fault.TooLarge, "at most %d settings can be read at once", MaxItems)
	}
	for _, key := range keys {
		if err := checkKey(key); err != nil {
			return nil, err
		}
	}
	return s.Store.Multiget(ctx, strings.ToLower(user), keys)
}

// Set implements usersetting.Settings.
func (s *Service) Set(ctx context.Context, user string, key usersetting.Key, value json.RawMessage) error {
	if err := checkKey(key); err != nil {
		return err
	}
	if len(value) > MaxValue {
		return fault.Newf(fault.TooLarge, "the value of a setting may have %d bytes, this one has %d", MaxValue, len(value))
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, value); err != nil {
		return fault.Newf(fault.Invalid, "the value of a setting must be JSON: %w", err)
	}
	if err := s.Store.Set(ctx, strings.ToLower(user), key, compact.Bytes()); err != nil {
		return err
	}
	s.tell(ctx, user, usersetting.Change{Type: "key-changed", Key: key.Key})
	return nil
}

// Delete implements usersetting.Settings.
func (s *Service) Delete(ctx context.Context, user string, key usersetting.Key) error {
	if err := checkKey(key); err != nil {
		return err
	}
	if err := s.Store.Delete(ctx, strings.ToLower(user), key); err != nil {
		return err
	}
	s.tell(ctx, user, usersetting.Change{Type: "key-deleted", Key: key.Key})
	return nil
}

func checkKey(key usersetting.Key) error {
	for _, part := range [][2]string{{"bucket", key.Bucket}, {"key", key.Key}} {
		// PostgreSQL stores no zero bytes and no broken UTF-8.
		if n := utf8.RuneCountInString(part[1]); n == 0 || n > maxName || strings.ContainsRune(part[1], 0) || !utf8.ValidString(part[1]) {
			return fault.Newf(fault.Invalid, "the %s of a setting must have 1 to %d characters", part[0], maxName)
		}
	}
	return nil
}

// tell tells the user's pages. The change is made whether they hear or not.
func (s *Service) tell(ctx context.Context, user string, change usersetting.Change) {
	err := s.Signals.Publish(ctx, signal.Signal{Recipients: []string{user}, Channel: usersetting.Channel, Message: change})
	if err != nil {
		s.Logger.WarnContext(ctx, "pages do not hear of a changed setting", "error", fmt.Errorf("publish %s: %w", change.Type, err))
	}
}

var _ usersetting.Settings = (*Service)(nil)
