package connector

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

var (
	pointerDecoder = strings.NewReplacer("~1", "/", "~0", "~")
	pointerEncoder = strings.NewReplacer("~", "~0", "/", "~1")
)

// parsePointer returns the parts of a JSON pointer (RFC 6901).
func parsePointer(pointer string) []string {
	if pointer == "" {
		return nil
	}
	parts := strings.Split(strings.TrimPrefix(pointer, "/"), "/")
	for i, part := range parts {
		parts[i] = pointerDecoder.Replace(part)
	}
	return parts
}

// formatPointer reverses parsePointer.
func formatPointer(path []string) string {
	var b strings.Builder
	for _, part := range path {
		b.WriteByte('/')
		b.WriteString(pointerEncoder.Replace(part))
	}
	return b.String()
}

// expand returns the paths in v that a pointer of a schema stands for.
func expand(v any, pointer string) [][]string {
	return expandParts(v, parsePointer(pointer), nil)
}

func expandParts(v any, parts, at []string) [][]string {
	if len(parts) == 0 {
		return [][]string{slices.Clone(at)}
	}
	switch v := v.(type) {
	case map[string]any:
		if parts[0] != "*" {
			next, ok := v[parts[0]]
			if !ok {
				return nil
			}
			return expandParts(next, parts[1:], append(at, parts[0]))
		}
		var list [][]string
		for _, key := range slices.Sorted(maps.Keys(v)) {
			list = append(list, expandParts(v[key], parts[1:], append(at, key))...)
		}
		return list
	case []any:
		if parts[0] != "*" {
			return nil
		}
		var list [][]string
		for i, next := range v {
			list = append(list, expandParts(next, parts[1:], append(at, strconv.Itoa(i)))...)
		}
		return list
	}
	return nil
}

// lookup returns the value at a path.
func lookup(v any, path []string) (any, bool) {
	for _, part := range path {
		switch in := v.(type) {
		case map[string]any:
			next, ok := in[part]
			if !ok {
				return nil, false
			}
			v = next
		case []any:
			i, err := strconv.Atoi(part)
			if err != nil || i < 0 || i >= len(in) {
				return nil, false
			}
			v = in[i]
		default:
			return nil, false
		}
	}
	return v, true
}

// replace puts a value at a path whose parent exists; it reports whether it
// does. A nil value removes a field of an object.
func replace(root any, path []string, value any) bool {
	last := len(path) - 1
	parent, ok := lookup(root, path[:last])
	if !ok {
		return false
	}
	switch in := parent.(type) {
	case map[string]any:
		if value == nil {
			delete(in, path[last])
		} else {
			in[path[last]] = value
		}
		return true
	case []any:
		i, err := strconv.Atoi(path[last])
		if err != nil || i < 0 || i >= len(in) {
			return false
		}
		in[i] = value
		return true
	}
	return false
}
