// Package bus carries signals from the replica that publishes them to all
// replicas, itself included, over the notifications of the database.
//
// What: small signals travel in the notification, several in one where they
// fit; large ones are stored for a while and travel by their id.
//
// What not: nothing is delivered twice or later. A replica that is cut off
// from the database misses what is published meanwhile.
//
// Start reading at [Bus.Publish] and [Bus.Run].
package bus

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/internal/db"
	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/signal"
	"github.com/stagedoor/stagedoor/signal/internal/hub"
)

const (
	channel    = "stagedoor_signal"
	parcelMark = "@"     // begins the id of what is stored
	fits       = 7900    // bytes of one notification
	maxMessage = 1 << 20 // bytes of one message
	// keepParcels is how long a replica may take to fetch a large signal.
	keepParcels = 10 * time.Minute
)

// Bus is safe for concurrent use.
type Bus struct {
	DB     *db.DB
	Clock  func() time.Time
	NewID  func() string
	Logger *slog.Logger
	// Deliver gets every signal, one at a time and in order.
	Deliver func(hub.Signal)
}

// letter is what one notification carries. The id keeps equal signals from
// being taken for the same one.
type letter struct {
	ID      string            `json:"id"`
	Signals []json.RawMessage `json:"signals"`
}

// Publish implements signal.Publisher.
func (b *Bus) Publish(ctx context.Context, signals ...signal.Signal) error {
	encoded := make([]json.RawMessage, len(signals))
	for i, s := range signals {
		raw, err := encode(s)
		if err != nil {
			return err
		}
		encoded[i] = raw
	}
	if len(encoded) == 0 {
		return nil
	}
	letters, err := b.pack(encoded)
	if err != nil {
		return err
	}
	err = b.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		for _, text := range letters {
			if len(text) > fits {
				id, err := b.store(ctx, tx, text)
				if err != nil {
					return err
				}
				text = parcelMark + id
			}
			if err := b.DB.Notify(ctx, tx, channel, text); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("publish signals: %w", err)
	}
	return nil
}

func encode(s signal.Signal) (json.RawMessage, error) {
	if s.Channel == "" {
		return nil, fault.New(fault.Invalid, "a signal needs a channel")
	}
	if len(s.Recipients) == 0 && !s.Everyone {
		return nil, fault.Newf(fault.Invalid, "the signal on %s has no recipients", s.Channel)
	}
	message, err := marshal(s.Message)
	if err != nil {
		return nil, fault.Newf(fault.Invalid, "encode the signal on %s: %w", s.Channel, err)
	}
	if len(message) > maxMessage {
		return nil, fault.Newf(fault.TooLarge, "the signal on %s has %d bytes, %d are allowed", s.Channel, len(message), maxMessage)
	}
	wire := hub.Signal{Channel: s.Channel, Message: message, Everyone: s.Everyone}
	if !s.Everyone {
		wire.Recipients = make([]string, len(s.Recipients))
		for i, ref := range s.Recipients {
			wire.Recipients[i] = strings.ToLower(ref)
		}
	}
	raw, err := marshal(wire)
	if err != nil {
		return nil, fmt.Errorf("encode the signal on %s: %w", s.Channel, err)
	}
	return raw, nil
}

func marshal(v any) ([]byte, error) {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), nil
}

// pack puts as many signals into a letter as travel together.
func (b *Bus) pack(signals []json.RawMessage) ([]string, error) {
	const envelope = 64 // bytes around the signals
	var letters []string
	for len(signals) > 0 {
		n, size := 1, envelope+len(signals[0])
		for n < len(signals) && size+1+len(signals[n]) <= fits {
			size += 1 + len(signals[n])
			n++
		}
		text, err := marshal(letter{b.NewID(), signals[:n]})
		if err != nil {
			return nil, fmt.Errorf("encode signals: %w", err)
		}
		letters = append(letters, string(text))
		signals = signals[n:]
	}
	return letters, nil
}

func (b *Bus) store(ctx context.Context, tx *db.Tx, text string) (string, error) {
	id := b.NewID()
	_, err := tx.ExecContext(ctx, `
		INSERT INTO signal_parcel (id, body, created_at)
		VALUES ($1, $2, $3)`, id, text, db.Micros(b.Clock()))
	if err != nil {
		return "", fmt.Errorf("store a large signal: %w", err)
	}
	return id, nil
}

// Run delivers what is published anywhere until ctx ends.
func (b *Bus) Run(ctx context.Context) error {
	return b.DB.Listen(ctx, channel, func(text string) {
		if text == "" { // listening begins, or begins again
			return
		}
		if err := b.open(ctx, text); err != nil && ctx.Err() == nil {
			b.Logger.WarnContext(ctx, "a signal is lost", "error", err)
		}
	})
}

func (b *Bus) open(ctx context.Context, text string) error {
	if id, ok := strings.CutPrefix(text, parcelMark); ok {
		err := b.DB.Read().QueryRowContext(ctx, `SELECT body FROM signal_parcel WHERE id = $1`, id).Scan(&text)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return fmt.Errorf("the large signal %s is no longer there", id)
		case err != nil:
			return fmt.Errorf("read the large signal %s: %w", id, err)
		}
	}
	var l letter
	if err := json.Unmarshal([]byte(text), &l); err != nil {
		return fmt.Errorf("decode signals: %w", err)
	}
	for _, raw := range l.Signals {
		var s hub.Signal
		if err := json.Unmarshal(raw, &s); err != nil {
			return fmt.Errorf("decode signal: %w", err)
		}
		b.Deliver(s)
	}
	return nil
}

// Sweep removes large signals that every replica has had time to fetch.
func (b *Bus) Sweep(ctx context.Context) error {
	return b.DB.Write(ctx, func(ctx context.Context, tx *db.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM signal_parcel WHERE created_at < $1`, db.Micros(b.Clock().Add(-keepParcels)))
		if err != nil {
			return fmt.Errorf("remove old signals: %w", err)
		}
		return nil
	})
}

var _ signal.Publisher = (*Bus)(nil)
