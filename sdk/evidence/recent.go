package evidence

import "container/heap"

// recent is a heap of writers, the one with the oldest head first.
type recent struct {
	lasts []last
	at    map[writer]int // index in lasts
}

// set replaces what is known of a writer.
func (r *recent) set(i int, l last) {
	r.lasts[i] = l
	heap.Fix(r, i)
}

// Len implements heap.Interface.
func (r *recent) Len() int { return len(r.lasts) }

// Less implements heap.Interface.
func (r *recent) Less(i, j int) bool { return r.lasts[i].head < r.lasts[j].head }

// Swap implements heap.Interface.
func (r *recent) Swap(i, j int) {
	r.lasts[i], r.lasts[j] = r.lasts[j], r.lasts[i]
	r.at[r.lasts[i].writer], r.at[r.lasts[j].writer] = i, j
}

// Push implements heap.Interface.
func (r *recent) Push(x any) {
	l := x.(last)
	r.at[l.writer] = len(r.lasts)
	r.lasts = append(r.lasts, l)
}

// Pop implements heap.Interface.
func (r *recent) Pop() any {
	end := len(r.lasts) - 1
	l := r.lasts[end]
	r.lasts = r.lasts[:end]
	delete(r.at, l.writer)
	return l
}
