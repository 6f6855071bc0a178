// Package events is the exchange of messages inside one process: publishers
// and subscribers meet by topic.
//
// What: delivery to every subscriber of the topic, one after the other, in the
// publisher's goroutine, so that a publisher learns of failures and back
// pressure is natural.
//
// What not: it stores nothing and reaches no other process.
//
// Start reading at [Bus].
package events

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// Event is one message.
type Event struct {
	Topic    string
	Payload  any
	Metadata map[string]string
}

// Bus connects publishers and subscribers. The zero Bus is ready and safe for
// concurrent use.
type Bus struct {
	mu   sync.RWMutex
	subs map[string][]func(context.Context, Event) error
}

// Subscribe calls fn with every later event of the topic.
func (b *Bus) Subscribe(topic string, fn func(context.Context, Event) error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.subs == nil {
		b.subs = map[string][]func(context.Context, Event) error{}
	}
	b.subs[topic] = append(b.subs[topic], fn)
}

// Publish hands the event to every subscriber and returns their errors joined.
// One failing subscriber does not keep the event from the others.
func (b *Bus) Publish(ctx context.Context, e Event) error {
	b.mu.RLock()
	subs := b.subs[e.Topic]
	b.mu.RUnlock()
	var errs []error
	for _, fn := range subs {
		if err := fn(ctx, e); err != nil {
			errs = append(errs, fmt.Errorf("deliver %s event: %w", e.Topic, err))
		}
	}
	return errors.Join(errs...)
}
