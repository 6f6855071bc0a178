package notification

import (
	"context"
	"time"
)

// Severity says how much a notification matters.
type Severity string

// The severities, the gravest first.
const (
	Critical Severity = "critical"
	High     Severity = "high"
	Normal   Severity = "normal"
	Low      Severity = "low"
)

// Severities are all severities, the gravest first.
func Severities() []Severity { return []Severity{Critical, High, Normal, Low} }

// Payload is what a notification says. Only the title is required.
type Payload struct {
	Title       string
	Description string
	// Link is where a click leads: a path of the portal or an http(s) URL.
	Link string
	// Severity is normal when empty.
	Severity Severity
	// Topic lets users choose what they want to hear of.
	Topic string
	// Scope names what the notification is about: a further one of the same
	// origin and scope replaces the earlier one and is unread again.
	Scope string
	// Icon is the name of an icon.
	Icon string
	// Metadata is for who shows the notification.
	Metadata map[string]any
}

// Message is a notification on its way to its recipients.
type Message struct {
	// Origin names the sender, for example "plugin:scaffolder".
	Origin string
	// Recipients are entity refs: users; groups, for all their members and
	// those of the groups below; anything else for its owner.
	Recipients []string
	// Except are refs that get nothing: a user, or a group that is not looked
	// into.
	Except []string
	// Everyone sends to all users, now and later.
	Everyone bool
	Payload  Payload
}

// Notification is a notification as one user has it.
type Notification struct {
	ID string
	// User is whose it is; empty for one to everyone.
	User    string
	Origin  string
	Payload Payload
	Created time.Time
	// Updated is when it last replaced an earlier one; zero for never.
	Updated time.Time
	// Read and Saved are when the user did that; zero for not.
	Read  time.Time
	Saved time.Time
}

// Sender sends notifications. Safe for concurrent use.
type Sender interface {
	// Send stores the message for each of its recipients who wants it, tells
	// their open pages, and returns what it stored. It returns an error with
	// code invalid for a message without title or recipients, with a link
	// that leads elsewhere than to a page, or with something that is no
	// entity ref.
	Send(ctx context.Context, m Message) ([]Notification, error)
}
