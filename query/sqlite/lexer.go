package sqlite

import (
	"strings"
	"unicode/utf8"
)

// tokenKind is what a token is.
type tokenKind uint8

const (
	tokenWord      tokenKind = iota // a keyword, or a name that is not quoted
	tokenQuoted                     // a name in double quotes, backticks or brackets
	tokenString                     // a text in single quotes, or x'…'
	tokenNumber                     //
	tokenVariable                   // ?1, :name, @name, $name
	tokenSymbol                     // one character of an operator or a separator
	tokenMalformed                  // what SQLite does not know, such as an open quote
)

// token is a piece of a statement, sql[start:end]. Blanks and comments have none.
type token struct {
	kind       tokenKind
	start, end int
	text       string // of a word in small letters; of a quoted name or a string what is meant
}

// is reports whether the token is a keyword or a symbol.
func (t token) is(text string) bool {
	return (t.kind == tokenWord || t.kind == tokenSymbol) && t.text == text
}

// name reports whether the token can be a name.
func (t token) name() bool { return t.kind == tokenWord || t.kind == tokenQuoted }

// scan splits a statement as SQLite's tokenizer does.
func scan(sql string) []token {
	var tokens []token
	for i := 0; i < len(sql); {
		n := blank(sql[i:])
		if n > 0 {
			i += n
			continue
		}
		t := next(sql, i)
		tokens = append(tokens, t)
		i = t.end
	}
	return tokens
}

// blank returns the length of the white space or comment that s starts with.
func blank(s string) int {
	switch s[0] {
	case ' ', '\t', '\n', '\f', '\r':
		return 1
	case '-':
		if strings.HasPrefix(s, "--") {
			if end := strings.IndexByte(s, '\n'); end >= 0 {
				return end + 1
			}
			return len(s)
		}
	case '/':
		if strings.HasPrefix(s, "/*") && len(s) > 2 {
			if end := strings.Index(s[2:], "*/"); end >= 0 {
				return end + 4
			}
			return len(s)
		}
	case 0xef:
		if strings.HasPrefix(s, "\ufeff") {
			return 3
		}
	}
	return 0
}

// next returns the token that starts at i.
func next(sql string, i int) token {
	s := sql[i:]
	c := s[0]
	t := token{start: i}
	var n int
	switch {
	case c == '\'':
		t.kind = tokenString
		n, t.text = quoted(s, '\'')
	case (c == 'x' || c == 'X') && len(s) > 1 && s[1] == '\'':
		t.kind = tokenString
		n, t.text = quoted(s[1:], '\'')
		if n > 0 {
			n++
		}
	case c == '"' || c == '`':
		t.kind = tokenQuoted
		n, t.text = quoted(s, c)
	case c == '[':
		t.kind = tokenQuoted
		if n = strings.IndexByte(s, ']') + 1; n > 0 {
			t.text = s[1 : n-1]
		}
	case isDigit(c) || c == '.' && len(s) > 1 && isDigit(s[1]):
		t.kind, n = tokenNumber, number(s)
	case c == '?' || c == ':' || c == '@' || c == '$' || c == '#':
		t.kind, n = tokenVariable, 1+word(s[1:])
	case wordByte(c):
		t.kind, n = tokenWord, word(s)
		t.text = lower(s[:n])
	case c < utf8.RuneSelf && c > ' ':
		t.kind, n, t.text = tokenSymbol, 1, s[:1]
	}
	if n <= 0 {
		t.kind, n, t.text = tokenMalformed, len(s), ""
	}
	t.end = i + n
	return t
}

// quoted returns the length of what is in quotes at the start of s, and what
// it means; 0 where the quotes are not closed.
func quoted(s string, quote byte) (int, string) {
	doubled := false
	for i := 1; i < len(s); i++ {
		if s[i] != quote {
			continue
		}
		if i+1 < len(s) && s[i+1] == quote {
			doubled = true
			i++
			continue
		}
		text := s[1:i]
		if doubled {
			q := string(quote)
			text = strings.ReplaceAll(text, q+q, q)
		}
		return i + 1, text
	}
	return 0, ""
}

func number(s string) int {
	i := 0
	for i < len(s) && (wordByte(s[i]) || s[i] == '.' ||
		(s[i] == '+' || s[i] == '-') && (s[i-1] == 'e' || s[i-1] == 'E') && !hexadecimal(s)) {
		i++
	}
	return i
}

func hexadecimal(s string) bool { return len(s) > 1 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X') }

func word(s string) int {
	i := 0
	for i < len(s) && wordByte(s[i]) {
		i++
	}
	return i
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func wordByte(c byte) bool {
	return c >= utf8.RuneSelf || c == '_' || c == '$' || isDigit(c) || 'a' <= c|0x20 && c|0x20 <= 'z'
}

// lower makes ASCII letters small, which is how SQLite compares names.
func lower(s string) string {
	for i := range len(s) {
		if c := s[i]; 'A' <= c && c <= 'Z' {
			b := []byte(s)
			for j := i; j < len(b); j++ {
				if c := b[j]; 'A' <= c && c <= 'Z' {
					b[j] = c + 'a' - 'A'
				}
			}
			return string(b)
		}
	}
	return s
}

// quote quotes a name.
func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }
