package folder

import "strings"

const (
	firstPiece = 9  // bytes; see the package comment
	otherPiece = 64 // three times as many are below the 255 that file systems take
)

// kind is what a name in the objects folder stands for, its last character.
type kind byte

const (
	slashDir kind = '+'
	cutDir   kind = '~'
	object   kind = '='
)

// pathOf returns the path of the key's file in the objects folder.
func pathOf(key string) string {
	var p strings.Builder
	p.Grow(len(key) + 16)
	for limit := firstPiece; ; {
		n := min(limit, len(key))
		if i := strings.IndexByte(key[:n], '/'); i >= 0 {
			n = i + 1
		}
		piece := key[:n]
		if key = key[n:]; key == "" {
			escape(&p, piece)
			p.WriteByte(byte(object))
			return p.String()
		}
		if name, ok := strings.CutSuffix(piece, "/"); ok {
			escape(&p, name)
			p.WriteByte(byte(slashDir))
			limit = firstPiece
		} else {
			escape(&p, piece)
			p.WriteByte(byte(cutDir))
			limit = otherPiece
		}
		p.WriteByte('/')
	}
}

// parent returns the directory part of a path; "" at the top.
func parent(path string) string {
	i := strings.LastIndexByte(path, '/')
	return path[:max(i, 0)]
}

const hexDigits = "0123456789abcdef"

// plain tells which bytes stand for themselves. Upper case does not: file
// systems of some hosts do not tell it from lower case.
func plain(c byte) bool {
	return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '.' || c == '_'
}

func escape(p *strings.Builder, piece string) {
	for i := range len(piece) {
		if c := piece[i]; plain(c) {
			p.WriteByte(c)
		} else {
			p.WriteByte('%')
			p.WriteByte(hexDigits[c>>4])
			p.WriteByte(hexDigits[c&15])
		}
	}
}

// pieceOf is the inverse for one name. Names that pathOf does not make are
// not ok: they are somebody else's.
func pieceOf(name string) (piece string, k kind, ok bool) {
	if name == "" {
		return "", 0, false
	}
	k = kind(name[len(name)-1])
	name = name[:len(name)-1]
	if k != slashDir && k != cutDir && k != object {
		return "", 0, false
	}
	if strings.IndexByte(name, '%') < 0 {
		for i := range len(name) {
			if !plain(name[i]) {
				return "", 0, false
			}
		}
		piece = name
	} else if piece, ok = unescape(name); !ok {
		return "", 0, false
	}
	if k == slashDir {
		piece += "/"
	}
	return piece, k, piece != ""
}

func unescape(name string) (string, bool) {
	var p strings.Builder
	for i := 0; i < len(name); i++ {
		c := name[i]
		if c != '%' {
			if !plain(c) {
				return "", false
			}
			p.WriteByte(c)
			continue
		}
		if i+2 >= len(name) {
			return "", false
		}
		hi, lo := strings.IndexByte(hexDigits, name[i+1]), strings.IndexByte(hexDigits, name[i+2])
		if hi < 0 || lo < 0 {
			return "", false
		}
		if c = byte(hi<<4 | lo); plain(c) {
			return "", false
		}
		p.WriteByte(c)
		i += 2
	}
	return p.String(), true
}
