package fetch

import (
	"container/list"
	"sync"
)

// cached is one remembered answer.
type cached struct {
	key          string
	file         File
	lastModified string
	// header is the ETag header of the answer; file.ETag may be our own.
	header string
}

// cache remembers answers for conditional requests, the least recently used
// ones leave first. Safe for concurrent use.
type cache struct {
	mu    sync.Mutex
	limit int
	size  int
	order *list.List
	items map[string]*list.Element
}

func newCache(limit int) *cache {
	return &cache{limit: limit, order: list.New(), items: map[string]*list.Element{}}
}

// get returns what is known of key, or nil. The value is not changed later.
func (c *cache) get(key string) *cached {
	c.mu.Lock()
	defer c.mu.Unlock()
	el, ok := c.items[key]
	if !ok {
		return nil
	}
	c.order.MoveToFront(el)
	return el.Value.(*cached)
}

// put remembers the answer, unless it alone would take a quarter of the room.
func (c *cache) put(v *cached) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drop(v.key)
	if v.weight() > c.limit/4 {
		return
	}
	c.items[v.key] = c.order.PushFront(v)
	c.size += v.weight()
	for c.size > c.limit {
		c.drop(c.order.Back().Value.(*cached).key)
	}
}

// remove forgets key.
func (c *cache) remove(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.drop(key)
}

func (c *cache) drop(key string) {
	el, ok := c.items[key]
	if !ok {
		return
	}
	c.size -= el.Value.(*cached).weight()
	c.order.Remove(el)
	delete(c.items, key)
}

func (v *cached) weight() int { return len(v.file.Data) + len(v.key) + 512 }
