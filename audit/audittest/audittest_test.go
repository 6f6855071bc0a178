package audittest_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagedoor/stagedoor/audit"
	"github.com/stagedoor/stagedoor/audit/audittest"
)

func TestFake_IsALog(t *testing.T) {
	t.Parallel()
	audittest.Conformance(t, func(*testing.T) audittest.Subject {
		f := &audittest.Fake{}
		return audittest.Subject{Log: f, Events: f.Events}
	})
}

func TestFake_TellsWhatWasStored(t *testing.T) {
	t.Parallel()
	f := &audittest.Fake{}
	_, end := f.Begin(t.Context(), audit.Event{Plugin: "p", Name: "n", Target: "t"})
	_ = end(errors.New("no"))
	f.Note(t.Context(), audit.Event{Plugin: "p", Name: "n"})
	if diff := cmp.Diff([]string{"p.n failed t no", "p.n succeeded"}, f.Lines()); diff != "" {
		t.Error(diff)
	}
	f.Reset()
	f.Fail = errors.New("full")
	_, end = f.Begin(t.Context(), audit.Event{})
	if err := end(nil); !errors.Is(err, f.Fail) || len(f.Events()) != 0 {
		t.Errorf("%v, %v", err, f.Events())
	}
}
