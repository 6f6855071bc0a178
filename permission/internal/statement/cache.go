package statement

import (
	"hash/maphash"
	"slices"
	"sync"

	"github.com/stagedoor/stagedoor/identity"
	"github.com/stagedoor/stagedoor/permission"
)

// generation is how many decisions are remembered before the older half is
// forgotten.
const generation = 1 << 12

// longest bounds, in bytes, the permissions whose decisions are remembered: no
// plugin has longer names, and strangers may ask for anything.
const longest = 200

// cache remembers decisions by principal and permission, in two generations:
// what is asked for lives on, what is not is forgotten with the older one. A
// stranger who asks for many permissions can push others out, but cannot make
// it grow.
type cache struct {
	seed       maphash.Seed
	mu         sync.RWMutex
	young, old map[uint64]*remembered
}

type remembered struct {
	subject    string
	ownership  []string
	permission permission.Permission
	decision   permission.Decision
}

func newCache() *cache {
	return &cache{seed: maphash.MakeSeed(), young: map[uint64]*remembered{}}
}

func (c *cache) hash(who identity.Principal, p permission.Permission) uint64 {
	var h maphash.Hash
	h.SetSeed(c.seed)
	_, _ = h.WriteString(who.Subject)
	for _, ref := range who.Ownership {
		_ = h.WriteByte(0)
		_, _ = h.WriteString(ref)
	}
	_ = h.WriteByte(1)
	_, _ = h.WriteString(p.Name)
	_ = h.WriteByte(0)
	_, _ = h.WriteString(p.Action)
	_ = h.WriteByte(0)
	_, _ = h.WriteString(p.ResourceType)
	return h.Sum64()
}

func (c *cache) get(hash uint64, who identity.Principal, p permission.Permission) (permission.Decision, bool) {
	c.mu.RLock()
	found, young := c.young[hash]
	if !young {
		found = c.old[hash]
	}
	c.mu.RUnlock()
	if found == nil || found.permission != p || found.subject != who.Subject || !slices.Equal(found.ownership, who.Ownership) {
		return permission.Decision{}, false
	}
	if !young {
		c.keep(hash, found)
	}
	return found.decision, true
}

func (c *cache) put(hash uint64, who identity.Principal, p permission.Permission, d permission.Decision) {
	if len(p.Name)+len(p.Action)+len(p.ResourceType) > longest {
		return
	}
	c.keep(hash, &remembered{who.Subject, slices.Clone(who.Ownership), p, d})
}

func (c *cache) keep(hash uint64, r *remembered) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.young) >= generation {
		c.old, c.young = c.young, make(map[uint64]*remembered, generation/4)
	}
	c.young[hash] = r
}
