//go:build !linux

package sqlite

import "time"

var started = time.Now()

// threadCPU returns the time that has passed, where no system call tells the
// CPU time of a thread: a statement computes nearly all of the time.
func threadCPU() time.Duration { return time.Since(started) }
