//go:build unix

package folder

import (
	"fmt"
	"io/fs"
	"syscall"
)

const nonBlock = syscall.O_NONBLOCK

// fileETag names a version of a file.
func fileETag(info fs.FileInfo) string {
	var inode uint64
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		inode = uint64(st.Ino)
	}
	return fmt.Sprintf("%x-%x-%x", info.Size(), info.ModTime().UnixNano(), inode)
}
