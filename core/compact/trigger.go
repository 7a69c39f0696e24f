package compact

import (
	"time"

	"github.com/atedb/atedb/sdk/chainname"
	"github.com/atedb/atedb/sdk/compaction"
)

// trigger is what all strategies together wait for in one chain.
type trigger struct {
	factors  []float64
	size     uint64 // 0 for none
	timer    time.Duration
	modified bool
}

func combine(rules []compaction.Rules, chain chainname.Name) trigger {
	var all trigger
	for i := range rules {
		t := rules[i].For(chain)
		all.modified = all.modified || t.Modified
		if t.Factor > 0 {
			all.factors = append(all.factors, t.Factor)
		}
		if t.Size > 0 && (all.size == 0 || t.Size < all.size) {
			all.size = t.Size
		}
		if t.Timer > 0 && (all.timer == 0 || t.Timer < all.timer) {
			all.timer = t.Timer
		}
	}
	return all
}

// growth returns by how many bytes a chain has to grow that had a size after
// its last compaction. It is never less than what makes one worth it.
func (t *trigger) growth(last uint64) uint64 {
	least := uint64(never)
	for _, factor := range t.factors {
		if share := factor * float64(last); share < never/2 {
			least = min(least, uint64(share))
		}
	}
	if t.size > 0 {
		least = min(least, t.size)
	}
	if t.modified {
		least = 0
	}
	return max(least, minGrowth)
}
