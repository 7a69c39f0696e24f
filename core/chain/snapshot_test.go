package chain
import "context"
// save stores a snapshot, as happens after many events.
func (f *fixture) save() {
	f.t.Helper()
	err := f.merkle.Flush(context.Background())
	if err == nil {
		err = f.Chain.save(context.Background(), f.Next(), f.snapshot(f.Next()))
	}
	if err != nil {
		f.t.Fatal(err)
	}
}
