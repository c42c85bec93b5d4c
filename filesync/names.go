package filesync

import (
	"path"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/inlet-go/inlet/store/errs"
)

// The limits of names and paths.
const (
	// MaxName is the most bytes of a file's name, and of each part of a path.
	MaxName = 255
	// MaxPath is the most bytes of a path.
	MaxPath = 1024
	// MaxSyncName is the most characters of a sync's name.
	MaxSyncName = 255
)

// Paths that belong to the product: nothing is synchronized below them.
const (
	stagingRoot = "tmp"    // the first part of a path
	trashFolder = ".Trash" // any part
)

// CheckPath returns the clean form of a path of the lake. Errors: Invalid for
// one that is relative, the root, has "..", lies in the staging or trash area,
// is too long, or holds what cannot be shown.
func CheckPath(p string) (string, error) {
	clean, reason := cleanPath(p)
	switch {
	case reason != "":
	case clean == "/":
		reason = "it must not be the root"
	default:
		parts := strings.Split(clean[1:], "/")
		if parts[0] == stagingRoot {
			reason = "it lies in the staging area /" + stagingRoot
		}
		for _, part := range parts {
			if part == trashFolder {
				reason = "it lies in the trash"
			}
		}
	}
	if reason != "" {
		return "", errs.New(errs.Invalid, "path is invalid: %s", reason)
	}
	return clean, nil
}

// cleanPath returns the clean form of an absolute path, or what is wrong with it.
func cleanPath(p string) (clean, reason string) {
	switch {
	case p == "":
		return "", "it is empty"
	case p[0] != '/':
		return "", "it must start with a slash"
	case len(p) > MaxPath:
		return "", "longer than 1024 bytes"
	}
	if reason := checkText(p); reason != "" {
		return "", reason
	}
	for part := range strings.SplitSeq(p, "/") {
		if part == ".." {
			return "", "it must not hold \"..\""
		}
		if len(part) > MaxName {
			return "", "a part is longer than 255 bytes"
		}
	}
	return path.Clean(p), ""
}

// checkText returns why a text cannot be a name or a path, or "".
func checkText(s string) string {
	switch {
	case !utf8.ValidString(s):
		return "not UTF-8"
	case strings.ContainsRune(s, 0):
		return "has a NUL"
	case strings.ContainsFunc(s, unicode.IsControl):
		return "has a control character"
	}
	return ""
}

// CheckName returns the base name of a file name, which clients may send with
// directories of theirs. Errors: Invalid for one that is empty, "." or "..",
// is too long, or holds what cannot be shown.
func CheckName(name string) (string, error) {
	base := name[strings.LastIndexAny(name, `/\`)+1:]
	reason := checkText(base)
	switch {
	case reason != "":
	case base == "":
		reason = "it is empty"
	case base == "." || base == "..":
		reason = "it names a directory"
	case len(base) > MaxName:
		reason = "longer than 255 bytes"
	}
	if reason != "" {
		return "", errs.New(errs.Invalid, "file name is invalid: %s", reason)
	}
	return base, nil
}

// below returns the directory of an upload to p, below the sync's path.
func below(syncPath, p string) (dir string, err error) {
	if p == "" {
		return "", nil
	}
	clean, err := CheckPath(p)
	if err != nil {
		return "", err
	}
	rest, ok := strings.CutPrefix(clean+"/", syncPath+"/")
	if !ok {
		return "", errs.New(errs.Invalid, "path is invalid: it is not %q or below it, where the sync puts its files", syncPath)
	}
	return strings.TrimSuffix(rest, "/"), nil
}

// join puts a part below a path; either may be empty.
func join(p, part string) string {
	switch {
	case part == "":
		return p
	case p == "" || strings.HasSuffix(p, "/"):
		return p + part
	}
	return p + "/" + part
}

// checkSyncName notes what is wrong with a sync's name.
func checkSyncName(p *errs.Problems, name string) {
	reason := checkText(name)
	switch {
	case reason != "":
	case strings.TrimSpace(name) == "":
		reason = "it is empty"
	case utf8.RuneCountInString(name) > MaxSyncName:
		reason = "longer than 255 characters"
	}
	p.Check(reason == "", "name is invalid: %s", reason)
}
