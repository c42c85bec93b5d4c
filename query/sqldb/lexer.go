package sqldb

import (
	"strings"
	"unicode/utf8"
)

// Syntax is how statements are split into words.
type Syntax struct {
	Backslashes   bool // escape in strings
	EscapeStrings bool // E'…' has backslashes that escape
	DollarQuotes  bool // $tag$ … $tag$ is a string
	Backticks     bool // `…` is an identifier
	DoubleStrings bool // "…" is a string, not an identifier
	Hashes        bool // # starts a comment
	DashBlank     bool // -- starts a comment only where a blank follows
	Nested        bool // comments nest
	Hints         bool // /*! … */ and /*M! … */ are code; they are refused
	Parameters    bool // ? is a parameter; it is refused
}

type tokenKind uint8

const (
	endToken    tokenKind = iota
	wordToken             // a keyword or an identifier, in small letters
	quotedToken           // a quoted identifier, without its quotes, in small letters
	stringToken
	numberToken
	symbolToken // one character
	wrongToken  // what cannot be a token; text says why
)

type token struct {
	kind tokenKind
	text string // of words, identifiers, numbers and symbols; the reason of wrong ones
	at   int    // byte of the statement
}

// lexer splits a statement into tokens, and leaves out comments.
type lexer struct {
	syntax Syntax
	text   string
	pos    int
}

func (l *lexer) next() token {
	if t, ok := l.skip(); ok {
		return t
	}
	start := l.pos
	if start == len(l.text) {
		return token{kind: endToken, at: start}
	}
	c := l.text[start]
	rest := l.text[start:]
	switch {
	case c == '\'':
		return l.quoted(start, '\'', stringToken, l.syntax.Backslashes)
	case c == '"' && l.syntax.DoubleStrings:
		return l.quoted(start, '"', stringToken, l.syntax.Backslashes)
	case c == '"':
		return l.quoted(start, '"', quotedToken, false)
	case c == '`' && l.syntax.Backticks:
		return l.quoted(start, '`', quotedToken, false)
	case l.syntax.EscapeStrings && len(rest) > 1 && (c == 'e' || c == 'E') && rest[1] == '\'':
		l.pos++
		return l.quoted(start, '\'', stringToken, true)
	case l.syntax.EscapeStrings && len(rest) > 2 && (c == 'u' || c == 'U') && rest[1] == '&' && rest[2] == '"':
		return token{wrongToken, `identifiers of the form U&"…" are not taken`, start}
	case c == '$' && l.syntax.DollarQuotes:
		return l.dollar(start)
	case '0' <= c && c <= '9':
		l.pos = start + wordEnd(rest)
		return token{numberToken, l.text[start:l.pos], start}
	case letter(c):
		l.pos = start + wordEnd(rest)
		return token{wordToken, lower(l.text[start:l.pos]), start}
	case c == '?' && l.syntax.Parameters:
		return token{wrongToken, "statements have no parameters", start}
	}
	_, n := utf8.DecodeRuneInString(rest)
	l.pos += n
	return token{symbolToken, rest[:n], start}
}

// skip moves behind blanks and comments. It returns a token for a comment that
// is none or does not end.
func (l *lexer) skip() (token, bool) {
	for l.pos < len(l.text) {
		rest := l.text[l.pos:]
		switch {
		case strings.IndexByte(" \t\r\n\f\v", rest[0]) >= 0:
			l.pos++
		case strings.HasPrefix(rest, "--") && (!l.syntax.DashBlank || len(rest) == 2 || rest[2] <= ' '),
			rest[0] == '#' && l.syntax.Hashes:
			if n := strings.IndexAny(rest, l.lineEnds()); n >= 0 {
				l.pos += n
			} else {
				l.pos = len(l.text)
			}
		case strings.HasPrefix(rest, "/*"):
			if t, wrong := l.comment(rest); wrong {
				return t, true
			}
		default:
			return token{}, false
		}
	}
	return token{}, false
}

// lineEnds are the characters that end a line comment: in MySQL a CR does not.
func (l *lexer) lineEnds() string {
	if l.syntax.DashBlank {
		return "\n"
	}
	return "\r\n"
}

func (l *lexer) comment(rest string) (token, bool) {
	if l.syntax.Hints {
		if strings.HasPrefix(rest, "/*!") || strings.HasPrefix(rest, "/*M!") || strings.HasPrefix(rest, "/*m!") {
			return token{wrongToken, "comments that are code are not taken", l.pos}, true
		}
		if end := strings.Index(rest, "*/"); strings.HasPrefix(rest, "/*+") && strings.Contains(lower(rest[:max(end, 0)]), "set_var") {
			return token{wrongToken, "hints that set variables are not taken", l.pos}, true
		}
	}
	depth := 0
	for i := 0; i+1 < len(rest); i++ {
		switch {
		case rest[i] == '/' && rest[i+1] == '*' && (depth == 0 || l.syntax.Nested):
			depth++
			i++
		case rest[i] == '*' && rest[i+1] == '/':
			depth--
			i++
		}
		if depth == 0 {
			l.pos += i + 1
			return token{}, false
		}
	}
	return token{wrongToken, "the comment does not end", l.pos}, true
}

// quoted reads what is in quotes, of which two stand for one.
func (l *lexer) quoted(start int, quote byte, kind tokenKind, backslashes bool) token {
	for i := l.pos + 1; i < len(l.text); i++ {
		switch {
		case l.text[i] == '\\' && backslashes:
			i++
		case l.text[i] != quote:
		case i+1 < len(l.text) && l.text[i+1] == quote:
			i++
		default:
			text := ""
			if kind == quotedToken {
				text = lower(strings.ReplaceAll(l.text[start+1:i], string([]byte{quote, quote}), string(quote)))
			}
			l.pos = i + 1
			return token{kind, text, start}
		}
	}
	return token{wrongToken, "the quote is not closed", start}
}

// dollar reads a string in dollar quotes, or a parameter, which is refused.
func (l *lexer) dollar(start int) token {
	rest := l.text[start+1:]
	n := 0
	for n < len(rest) && (letter(rest[n]) || n > 0 && '0' <= rest[n] && rest[n] <= '9') {
		n++
	}
	if n == len(rest) || rest[n] != '$' {
		return token{wrongToken, "statements have no parameters", start}
	}
	tag := l.text[start : start+n+2]
	end := strings.Index(rest[n+1:], tag)
	if end < 0 {
		return token{wrongToken, "the quote is not closed", start}
	}
	l.pos = start + len(tag) + end + len(tag)
	return token{stringToken, "", start}
}

// wordEnd returns the length of the word or number that text starts with.
func wordEnd(text string) int {
	for i := range len(text) {
		if c := text[i]; !letter(c) && c != '$' && (c < '0' || c > '9') {
			return i
		}
	}
	return len(text)
}

// letter reports whether a word may start with c: all that is not ASCII may.
func letter(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_' || c >= utf8.RuneSelf
}

// lower makes ASCII letters small.
func lower(s string) string {
	for i := range len(s) {
		if 'A' <= s[i] && s[i] <= 'Z' {
			b := []byte(s)
			for j := i; j < len(b); j++ {
				if 'A' <= b[j] && b[j] <= 'Z' {
					b[j] += 'a' - 'A'
				}
			}
			return string(b)
		}
	}
	return s
}
