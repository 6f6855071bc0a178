package events_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stagedoor/stagedoor/internal/events"
)

func TestPublish_ReachesEverySubscriberOfTheTopic(t *testing.T) {
	t.Parallel()
	var (
		bus  events.Bus
		got  []string
		boom = errors.New("boom")
	)
	bus.Subscribe("a", func(_ context.Context, e events.Event) error { got = append(got, "1:"+e.Payload.(string)); return boom })
	bus.Subscribe("a", func(_ context.Context, e events.Event) error { got = append(got, "2:"+e.Payload.(string)); return nil })
	bus.Subscribe("b", func(context.Context, events.Event) error { t.Error("the wrong topic was delivered"); return nil })

	if err := bus.Publish(t.Context(), events.Event{Topic: "a", Payload: "x"}); !errors.Is(err, boom) {
		t.Errorf("the publisher must learn of the failure, got %v", err)
	}
	if len(got) != 2 || got[0] != "1:x" || got[1] != "2:x" {
		t.Errorf("delivered %v", got)
	}
	if err := bus.Publish(t.Context(), events.Event{Topic: "nobody"}); err != nil {
		t.Errorf("an event without subscribers is fine, got %v", err)
	}
}
