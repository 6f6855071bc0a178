package chain

import (
	"crypto/subtle"
	"encoding/json"
	"fmt"
)

// Problem is the first thing that is wrong with a chain.
type Problem struct {
	// Seq is the number of the event that is wrong or missing; 0 when it is the
	// head.
	Seq int64 `json:"seq"`
	// ID is the event's, when there is one.
	ID      string `json:"id,omitempty"`
	Message string `json:"message"`
}

// String renders the problem in one line.
func (p *Problem) String() string {
	switch {
	case p.Seq == 0:
		return p.Message
	case p.ID == "":
		return fmt.Sprintf("event %d: %s", p.Seq, p.Message)
	}
	return fmt.Sprintf("event %d (%s): %s", p.Seq, p.ID, p.Message)
}

// The event that says where the chain begins after old events were removed.
const (
	RetentionPlugin = "audit"
	RetentionName   = "retention"
)

// BrokenName is the name of the event that the portal itself found the head of
// the log changed. The portal goes on behind it, but the log never verifies
// again while the event is in it.
const BrokenName = "log-broken"

// Removal is the meta of the event that old events were removed.
type Removal struct {
	Removed int64  `json:"removed"`
	Seq     int64  `json:"lastSeq"`
	Hash    string `json:"lastHash"`
}

// RemovalOf reads the removal that an entry tells of, if it does.
func RemovalOf(e *Entry) (r Removal, ok bool) {
	if e.Event.Plugin != RetentionPlugin || e.Event.Name != RetentionName {
		return r, false
	}
	return r, json.Unmarshal([]byte(e.Meta), &r) == nil
}

// Verifier checks a chain, event by event: [NewVerifier], then
// [Verifier.Next] for every event in order, then [Verifier.End]. It stops
// being of use at the first problem.
type Verifier struct {
	keys  Keys
	head  Head
	seq   int64
	hash  string
	key   string
	told  Removal
	buf   []byte
	count int64
}

// NewVerifier begins with the stored head, which is nil when there is none.
func NewVerifier(keys Keys, head *Head) (*Verifier, *Problem) {
	v := &Verifier{keys: keys, hash: genesis}
	if head == nil {
		return v, nil
	}
	v.head, v.seq = *head, head.FromSeq
	if head.FromHash != "" {
		v.hash = head.FromHash
	}
	if head.Key != keys.current {
		if head.Key == "" {
			return v, &Problem{Message: "the head of the log is not protected by the configured key; if the key is new, start the portal with it once"}
		}
		if !keys.Knows(head.Key) {
			return v, &Problem{Message: fmt.Sprintf("the head of the log is protected by the key %s, which is not configured", head.Key)}
		}
	}
	if !keys.Intact(head) {
		return v, &Problem{Message: "the head of the log was changed"}
	}
	return v, nil
}

// Count returns how many events were found in order.
func (v *Verifier) Count() int64 { return v.count }

// Next checks the next event of the list.
func (v *Verifier) Next(e *Entry) *Problem {
	problem := func(format string, args ...any) *Problem {
		return &Problem{Seq: e.Seq, ID: e.Event.ID, Message: fmt.Sprintf(format, args...)}
	}
	want := v.seq + 1
	switch {
	case e.Seq == want+1:
		return &Problem{Seq: want, Message: "it is missing"}
	case e.Seq > want:
		return &Problem{Seq: want, Message: fmt.Sprintf("it is missing, and so are all up to %d", e.Seq-1)}
	case e.Seq < want:
		return problem("it stands before the beginning of the log or twice")
	case e.Seq > v.head.Seq:
		return problem("it was added behind the end of the log")
	case e.Previous != v.hash:
		return problem("it does not follow the event before it: one of the two was changed or replaced")
	case e.Key == "" && v.key != "":
		return problem("it is sealed without a key although an earlier event has one")
	}
	v.buf = e.AppendCanonical(v.buf[:0])
	sum, err := v.keys.sum(e, v.buf)
	if err != nil {
		return problem("%v", err)
	}
	if subtle.ConstantTimeCompare([]byte(sum), []byte(e.Hash)) != 1 {
		return problem("it was changed")
	}
	v.seq, v.hash = e.Seq, e.Hash
	if e.Key != "" {
		v.key = e.Key
	}
	if e.Event.Plugin == RetentionPlugin && e.Event.Name == BrokenName {
		return problem("the portal found the log changed: %s", e.Event.Reason)
	}
	if r, ok := RemovalOf(e); ok {
		v.told = r
	}
	v.count++
	return nil
}

// End checks that nothing is missing at the end, and that what is missing at
// the beginning was removed by the portal. Removals that are told of by events
// that are not sealed yet are passed in.
func (v *Verifier) End(pending ...Removal) *Problem {
	switch {
	case v.seq < v.head.Seq && v.seq+1 == v.head.Seq:
		return &Problem{Seq: v.head.Seq, Message: "it is missing at the end of the log"}
	case v.seq < v.head.Seq:
		return &Problem{Seq: v.seq + 1, Message: fmt.Sprintf("it is missing, and so are all up to the end of the log, which is %d", v.head.Seq)}
	case v.head.Seq > 0 && v.hash != v.head.Hash:
		return &Problem{Seq: v.head.Seq, Message: "it is not the event that the head of the log names"}
	case v.head.FromSeq == 0:
		return nil
	}
	for _, r := range append([]Removal{v.told}, pending...) {
		if r.Seq == v.head.FromSeq && r.Hash == v.head.FromHash {
			return nil
		}
	}
	return &Problem{Seq: v.head.FromSeq + 1, Message: "the log begins here, but no event says that the older ones were removed for their age"}
}
