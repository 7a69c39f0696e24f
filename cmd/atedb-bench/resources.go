package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// compactionLine is what the server logs of a compaction.
type compactionLine struct {
	Message string    `json:"@message"`
	End     time.Time `json:"@timestamp"`
	Chain   string    `json:"chain"`
	Took    duration  `json:"took"`
	Events  int       `json:"events"`
}

// duration is written as people write it.
type duration struct{ time.Duration }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *duration) UnmarshalText(text []byte) (err error) {
	d.Duration, err = time.ParseDuration(string(text))
	return err
}

// awaitCompactions waits until the server has logged n compactions of a chain.
func (d *daemon) awaitCompactions(ctx context.Context, db string, n int) ([]compactionLine, error) {
	for deadline := time.Now().Add(patience); time.Now().Before(deadline) && ctx.Err() == nil; time.Sleep(5 * time.Millisecond) {
		lines, err := findCompactions(d.log.Name(), "bench.test/joe/"+db)
		if err != nil || len(lines) >= n {
			return lines, err
		}
	}
	return nil, errors.Join(ctx.Err(), fmt.Errorf("chain %s is not compacted; see %s", db, d.log.Name()))
}

// findCompactions returns the lines of a chain's compactions.
func findCompactions(log, chain string) (found []compactionLine, err error) {
	f, err := os.Open(log)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var line compactionLine
		var cut *json.SyntaxError // the last line may not be whole yet
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil && !errors.As(err, &cut) {
			return nil, fmt.Errorf("a line of %s is not what a server logs: %w", log, err)
		}
		if line.Message == "compacted" && line.Chain == chain {
			found = append(found, line)
		}
	}
	return found, nil
}

func (d *daemon) chainFolder(db string) string {
	return filepath.Join(filepath.Dir(d.log.Name()), "data", "db", "bench.test", "joe", db)
}

// become starts the server anew with other flags.
func (d *daemon) become(ctx context.Context, bin string, flags []string) error {
	d.flags = flags
	fresh, err := d.restart(ctx, bin)
	if err == nil {
		*d = *fresh
	}
	return err
}

// resources is the most that was seen of the disk space of a folder, and of the
// memory that the server and its plugins have more than at first.
type resources struct {
	disk   int64
	memory usage // in MB
	cpu    usage // in seconds
}

// usage is what the server and its plugins use of something, by program.
type usage map[string]float64

func (u usage) String() string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(u)) {
		parts = append(parts, fmt.Sprintf("%s %.1f", strings.TrimPrefix(name, "atedb-plugin-"), u[name]))
	}
	return strings.Join(parts, ", ")
}

// raise makes u at least what more has beyond first.
func (u usage) raise(more, first usage) {
	for name := range more {
		u[name] = max(u[name], more[name]-first[name])
	}
}

type resourceWatch struct {
	quit chan struct{}
	done chan resources
}

func watchResources(d *daemon, folder string) *resourceWatch {
	w := &resourceWatch{make(chan struct{}), make(chan resources)}
	go func() {
		memory, cpu := d.usage()
		seen := resources{memory: usage{}, cpu: usage{}}
		for ticker := time.NewTicker(10 * time.Millisecond); ; {
			seen.disk = max(seen.disk, diskSpace(folder))
			m, c := d.usage()
			seen.memory.raise(m, memory)
			seen.cpu.raise(c, cpu)
			select {
			case <-w.quit:
				ticker.Stop()
				w.done <- seen
				return
			case <-ticker.C:
			}
		}
	}()
	return w
}

func (w *resourceWatch) stop() resources {
	close(w.quit)
	return <-w.done
}

// diskSpace returns the bytes of a chain's segments.
func diskSpace(folder string) (bytes int64) {
	_ = filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && strings.HasPrefix(entry.Name(), "SEGMENT-") {
			if info, err := entry.Info(); err == nil { // it may have been removed meanwhile
				bytes += info.Size()
			}
		}
		return nil
	})
	return bytes
}

// usage returns the resident memory, and the processor time until now, of the
// server and its plugins.
func (d *daemon) usage() (memory, cpu usage) {
	memory, cpu = usage{}, usage{}
	pid := d.cmd.Process.Pid
	for _, pid := range append(children(pid), pid) {
		exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
		if err != nil {
			continue // it has ended
		}
		name := filepath.Base(exe)
		if resident, err := residentBytes(pid); err == nil {
			memory[name] += float64(resident) / 1e6
		}
		stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:])); len(fields) > 12 {
			user, _ := strconv.ParseFloat(fields[11], 64)
			system, _ := strconv.ParseFloat(fields[12], 64)
			cpu[name] += (user + system) / ticksPerSecond
		}
	}
	return memory, cpu
}

// ticksPerSecond is the unit of times in /proc.
const ticksPerSecond = 100

func children(pid int) (pids []int) {
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, list := range lists {
		text, _ := os.ReadFile(list)
		for _, field := range strings.Fields(string(text)) {
			if child, err := strconv.Atoi(field); err == nil {
				pids = append(pids, child)
			}
		}
	}
	return pids
}
