package signal

import "context"

// Signal is one message on one channel.
type Signal struct {
	// Recipients are entity refs: users, or what users own things by, such as
	// their groups.
	Recipients []string
	// Everyone sends the signal to all who listen to the channel, also to
	// those who have not signed in: say nothing private then.
	Everyone bool
	// Channel is what clients subscribe to, for example "notifications".
	Channel string
	// Message is what they get, as encoding/json writes it.
	Message any
}

// Publisher sends signals to the clients of every replica. Safe for concurrent
// use.
type Publisher interface {
	// Publish returns when the signals are on their way, in the order given.
	// It does not wait for clients and does not know whether there are any. It
	// returns an error with code invalid for a signal without a channel or
	// without recipients, and too_large for a message over one mebibyte;
	// nothing is sent then.
	Publish(ctx context.Context, signals ...Signal) error
}
