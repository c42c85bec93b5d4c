package sqlite

import (
	"runtime"
	"time"
)

// cpuClock tells the CPU time that a run has used. To know it exactly the
// goroutine must stay on its thread, and each time that such a one waits for a
// lock, a thread goes to sleep and another one is woken: small statements would
// take a third longer for that. So their time counts as it passes, until the run
// turns out to be long enough to be measured exactly.
type cpuClock struct {
	used    time.Duration // before it was started or became exact
	began   time.Time     // zero while it is stopped
	exactly bool          // the goroutine is locked to its thread
	thread  time.Duration // CPU time of the thread when that began
}

func (c *cpuClock) start() { c.began = time.Now() }

// exact counts the CPU time of the thread from now on, until the clock is
// stopped.
func (c *cpuClock) exact() {
	if c.exactly || c.began.IsZero() {
		return
	}
	runtime.LockOSThread()
	c.used, c.exactly, c.thread = c.read(), true, threadCPU()
}

func (c *cpuClock) read() time.Duration {
	switch {
	case c.exactly:
		return c.used + threadCPU() - c.thread
	case c.began.IsZero():
		return c.used
	}
	return c.used + time.Since(c.began)
}

func (c *cpuClock) stop() {
	c.used = c.read()
	c.began = time.Time{}
	if c.exactly {
		c.exactly = false
		runtime.UnlockOSThread()
	}
}
