package hub_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/internal/fault"
	"github.com/stagedoor/stagedoor/signal/internal/hub"
)

func join(t *testing.T, h *hub.Hub, caller string, refs ...string) *hub.Client {
	t.Helper()
	c, err := h.Join(caller, refs)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func waiting(c *hub.Client) []string {
	var out []string
	for {
		select {
		case text := <-c.Messages():
			out = append(out, string(text))
		default:
			return out
		}
	}
}

func TestDeliver_ReachesWhoListensAndIsMeant(t *testing.T) {
	t.Parallel()
	h := hub.New(hub.Limits{})
	jane := join(t, h, "user:default/jane", "user:default/jane", "group:default/team")
	page := join(t, h, "user:default/jane", "user:default/jane", "group:default/team")
	john := join(t, h, "user:default/john", "user:default/john", "group:default/team")
	nobody := join(t, h, "")
	for _, c := range []*hub.Client{jane, john, nobody} {
		if err := h.Subscribe(c, "news"); err != nil {
			t.Fatal(err)
		}
	}
	say := func(text string, everyone bool, to ...string) {
		h.Deliver(hub.Signal{Recipients: to, Everyone: everyone, Channel: "news", Message: json.RawMessage(text)})
	}
	say("1", false, "user:default/jane")
	say("2", false, "group:default/team", "user:default/jane")
	say("3", true)
	say("4", false, "user:default/nobody")
	h.Deliver(hub.Signal{Everyone: true, Channel: "other", Message: json.RawMessage("5")})
	h.Unsubscribe(john, "news")
	say("6", true)

	got := map[string][]string{"jane": waiting(jane), "page": waiting(page), "john": waiting(john), "nobody": waiting(nobody)}
	messages := func(ns ...int) (out []string) {
		for _, n := range ns {
			out = append(out, fmt.Sprintf(`{"channel":"news","message":%d}`, n))
		}
		return out
	}
	want := map[string][]string{"jane": messages(1, 2, 3, 6), "page": nil, "john": messages(2, 3), "nobody": messages(3, 6)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestDeliver_DismissesWhoDoesNotTakeItsMessages(t *testing.T) {
	t.Parallel()
	h := hub.New(hub.Limits{Queue: 2})
	slow := join(t, h, "a")
	if err := h.Subscribe(slow, "c"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		h.Deliver(hub.Signal{Everyone: true, Channel: "c", Message: json.RawMessage("1")})
		select {
		case <-slow.Done():
			t.Fatal("dismissed too early")
		default:
		}
	}
	for range 2 {
		h.Deliver(hub.Signal{Everyone: true, Channel: "c", Message: json.RawMessage("1")})
	}
	<-slow.Done()
	if slow.End() != hub.TooSlow {
		t.Errorf("end %d", slow.End())
	}
}

func TestJoin_HasLimits(t *testing.T) {
	t.Parallel()
	h := hub.New(hub.Limits{Clients: 4, Caller: 2, Anonymous: 1, Channels: 2})
	first := join(t, h, "a", "a")
	join(t, h, "a", "a")
	refused := func(caller string) {
		t.Helper()
		if _, err := h.Join(caller, nil); !fault.Is(err, fault.Unavailable) {
			t.Errorf("%q: %v", caller, err)
		}
	}
	refused("a")
	join(t, h, "")
	refused("")
	join(t, h, "b")
	refused("c")
	h.Leave(first)
	h.Leave(first)
	last := join(t, h, "c")
	if h.Len() != 4 {
		t.Errorf("%d clients", h.Len())
	}
	for _, channel := range []string{"1", "2", "2"} {
		if err := h.Subscribe(last, channel); err != nil {
			t.Error(err)
		}
	}
	if err := h.Subscribe(last, "3"); !fault.Is(err, fault.TooLarge) {
		t.Errorf("a channel too many: %v", err)
	}
	if err := h.Subscribe(last, fmt.Sprintf("%0300d", 1)); !fault.Is(err, fault.Invalid) {
		t.Errorf("a long name: %v", err)
	}
}

func TestClose_SendsClientsAwayAndWaitsForThem(t *testing.T) {
	t.Parallel()
	h := hub.New(hub.Limits{})
	c := join(t, h, "a")
	left := h.Close()
	<-c.Done()
	if c.End() != hub.Stopping {
		t.Errorf("end %d", c.End())
	}
	select {
	case <-left:
		t.Error("the client is still there")
	default:
	}
	if _, err := h.Join("b", nil); !fault.Is(err, fault.Unavailable) {
		t.Errorf("a closed hub lets clients in: %v", err)
	}
	h.Leave(c)
	<-left
	<-h.Close()
}
