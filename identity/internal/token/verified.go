package token

import "sync"

// maxVerified bounds the tokens that are remembered. It is more than the users
// of one replica in an hour.
const maxVerified = 8192

// verified remembers valid tokens. When there are too many it forgets half of
// what it knows, the older half. The zero value is ready.
type verified struct {
	mu         sync.RWMutex
	young, old map[string]Verified
}

func (c *verified) get(token string) (Verified, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if v, ok := c.young[token]; ok {
		return v, true
	}
	v, ok := c.old[token]
	return v, ok
}

func (c *verified) put(token string, v Verified) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.young == nil || len(c.young) >= maxVerified/2 {
		c.old, c.young = c.young, map[string]Verified{}
	}
	c.young[token] = v
}
