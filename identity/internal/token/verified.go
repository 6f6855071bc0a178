package token

import (
	"crypto/sha256"
	"sync"
)

// maxVerified bounds the tokens that are remembered. It is more than the users
// of one replica in an hour.
const maxVerified = 8192

// proven is a token whose signature was found right.
type proven struct {
	typ, kid string
	claims   Claims
}

// verified remembers proven tokens by their digest, so that it holds no token
// and its size does not depend on theirs. When there are too many it forgets
// half of what it knows, the older half. The zero value is ready.
type verified struct {
	mu         sync.RWMutex
	young, old map[[sha256.Size]byte]*proven
}

func (c *verified) get(digest [sha256.Size]byte) (*proven, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if v, ok := c.young[digest]; ok {
		return v, true
	}
	v, ok := c.old[digest]
	return v, ok
}

func (c *verified) put(digest [sha256.Size]byte, v *proven) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.young == nil || len(c.young) >= maxVerified/2 {
		c.old, c.young = c.young, map[[sha256.Size]byte]*proven{}
	}
	c.young[digest] = v
}

func (c *verified) len() int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return len(c.young) + len(c.old)
}
