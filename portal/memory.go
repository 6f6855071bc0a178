package portal

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// How much garbage may gather before it is collected, in percent of what is in
// use. While the read model is built or a large catalog is taken in, nearly
// all that is allocated stays and collecting finds little. At rest most of
// what a portal holds is the read model, which has few pointers and is cheap
// to walk: collecting more often than Go does by itself saves a third of the
// memory for little time.
const (
	gcPercentBusy = 200
	gcPercentRest = 40
	// busyRate is the allocation, in bytes a second, from which on the portal
	// counts as busy.
	busyRate = 64 << 20
	// memoryTick is the time between two looks.
	memoryTick = 2 * time.Second
)

// busyMemory is for the start. GOGC in the environment wins, here and later.
func busyMemory() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercentBusy)
	}
}

// tendMemory follows how busy the portal is, until ctx ends. At the end of a
// busy time it gives back to the system what is not needed any more.
func tendMemory(ctx context.Context) error {
	if os.Getenv("GOGC") != "" {
		return nil
	}
	tick := time.NewTicker(memoryTick)
	defer tick.Stop()
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	last, busy := uint64(0), true
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		metrics.Read(sample)
		allocated := sample[0].Value.Uint64()
		now := allocated-last > uint64(busyRate*memoryTick.Seconds())
		last = allocated
		switch {
		case now && !busy:
			debug.SetGCPercent(gcPercentBusy)
		case !now && busy:
			debug.SetGCPercent(gcPercentRest)
			debug.FreeOSMemory()
		}
		busy = now
	}
}
