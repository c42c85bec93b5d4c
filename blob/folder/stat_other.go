//go:build !unix

package folder

import (
	"fmt"
	"io/fs"
)

const nonBlock = 0

// fileETag names a version of a file.
func fileETag(info fs.FileInfo) string {
	return fmt.Sprintf("%x-%x", info.Size(), info.ModTime().UnixNano())
}
