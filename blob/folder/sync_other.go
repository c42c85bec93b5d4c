//go:build !linux

package folder

import (
	"errors"
	"os"
)

var hasSyncfs = false

// errQuota has no portable number.
var errQuota = errors.New("quota exceeded")

func syncfs(*os.File) error { return errors.ErrUnsupported }

// startWriteback is advice that other systems do not take.
func startWriteback(*os.File, int64, int64) {}

// reserve gives f its size; there is no portable way to take the space.
func reserve(f *os.File, size int64) error { return f.Truncate(size) }
