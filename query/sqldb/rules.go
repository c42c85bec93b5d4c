package sqldb

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/inlet-go/inlet/query"
)

// Rules say which statements are sent to a server. They stand in front of what
// a read-only transaction and the account forbid. All words are in small
// letters.
type Rules struct {
	Syntax Syntax

	// First are the words that a statement may start with, after "(".
	First []string

	// Explain has the words of First that stand before another statement, and
	// the words that may stand between; what is in parentheses always may.
	Explain map[string][]string

	// Show has the words of First that are followed by what is shown, and the
	// words that may follow.
	Show map[string][]string

	// Phrases are words that must not follow each other, such as "for update",
	// single words that are reserved, such as "into", and characters.
	Phrases []string

	// Names reports whether an identifier may be used, as the name of a table,
	// a column or a function, behind the schema or table that stands in front
	// of it, or ""; nil allows all.
	Names func(schema, name string) bool

	// Functions reports whether a function may be called; nil allows all.
	Functions func(name string) bool

	// Making are functions that make a text of the size that they are told. A
	// number that is written in their parentheses must not be more than a
	// million: servers cannot be stopped while they search such a text.
	Making []string

	// Volatile are the functions, as in "random()", and the words, as in
	// "current_date", whose value differs from call to call.
	Volatile []string
}

// writes are the statements that may stand in parentheses, or behind WITH.
var writes = []string{"insert", "update", "delete", "merge", "replace", "truncate"}

// others are the words that servers know statements to start with besides
// First: what starts with another is misspelt.
var others = append([]string{
	"abort", "alter", "analyse", "analyze", "attach", "backup", "begin", "binlog", "call", "change", "check", "checkpoint",
	"checksum", "close", "cluster", "comment", "commit", "copy", "create", "deallocate", "declare", "desc", "describe", "detach",
	"discard", "do", "drop", "end", "execute", "export", "fetch", "flush", "get", "grant", "handler", "help", "import", "install",
	"kill", "listen", "load", "lock", "move", "notify", "optimize", "pragma", "prepare", "purge", "reassign", "refresh", "reindex",
	"release", "rename", "repair", "reset", "resignal", "revoke", "rollback", "savepoint", "security", "set", "show", "shutdown",
	"signal", "start", "stop", "unlisten", "unlock", "use", "vacuum", "xa",
}, writes...)

// Check is what a [Dialect]'s Check does by the rules.
func (r *Rules) Check(text string) (volatile bool, refused *query.Failure) {
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return false, &query.Failure{Name: query.SyntaxError, Message: "the statement is not text in UTF-8"}
	}
	c := checker{rules: r, text: text}
	l := lexer{syntax: r.Syntax, text: text}
	for {
		t := l.next()
		if t.kind == wrongToken {
			return false, c.failure(query.SyntaxError, t, "%s", t.text)
		}
		if t.kind == endToken {
			break
		}
		if c.tokens = append(c.tokens, t); len(c.tokens) > maxTokens {
			return false, c.failure(query.ExceededLimit, t, "the statement has too many words")
		}
	}
	if refused := c.shape(); refused != nil {
		return false, refused
	}
	for i := range c.tokens {
		if refused := c.token(i); refused != nil {
			return false, refused
		}
		volatile = volatile || c.volatile(i)
	}
	return volatile, nil
}

// Trim returns a statement without the semicolons at its end and what is behind
// them, for servers that take none.
func (r *Rules) Trim(text string) string {
	l := lexer{syntax: r.Syntax, text: text}
	end := len(text)
	for t := l.next(); t.kind != endToken && t.kind != wrongToken; t = l.next() {
		if t.kind != symbolToken || t.text != ";" {
			end = l.pos
		}
	}
	return text[:end]
}

// maxTokens bounds what a parser may make of a statement.
const maxTokens = 200_000

type checker struct {
	rules  *Rules
	text   string
	tokens []token
}

func (c *checker) failure(name string, t token, format string, args ...any) *query.Failure {
	f := &query.Failure{Name: name, Message: fmt.Sprintf(format, args...)}
	f.Line, f.Column = place(c.text, t.at)
	return f
}

// is reports whether the ith token is the unquoted word or the symbol.
func (c *checker) is(i int, text string) bool {
	return i >= 0 && i < len(c.tokens) && c.tokens[i].text == text &&
		(c.tokens[i].kind == wordToken || c.tokens[i].kind == symbolToken)
}

// shape checks that there is one statement, that it starts as one that reads
// does, and that none is in it that does not.
func (c *checker) shape() *query.Failure {
	for n := len(c.tokens); n > 0 && c.is(n-1, ";"); n = len(c.tokens) {
		c.tokens = c.tokens[:n-1]
	}
	first := 0
	for c.is(first, "(") {
		first++
	}
	if first == len(c.tokens) {
		return &query.Failure{Name: query.SyntaxError, Message: "the statement is empty"}
	}
	t := c.tokens[first]
	if t.kind != wordToken || !slices.Contains(c.rules.First, t.text) {
		name := query.NotSupported
		if t.kind != wordToken || !slices.Contains(others, t.text) {
			name = query.SyntaxError
		}
		return c.failure(name, t, "only statements that read are run: %s", strings.ToUpper(strings.Join(c.rules.First, ", ")))
	}
	depth := 0
	for i, t := range c.tokens {
		switch {
		case c.is(i, "("):
			depth++
		case c.is(i, ")"):
			depth--
		case c.is(i, ";"):
			return c.failure(query.NotSupported, t, "only one statement is run")
		case t.kind == wordToken && slices.Contains(writes, t.text) && !c.is(i+1, "(") &&
			(c.is(i-1, "(") || depth == 0 && c.is(i-1, ")")):
			return c.failure(query.NotSupported, t, "%s writes", strings.ToUpper(t.text))
		}
	}
	return c.follows(first)
}

// follows checks what EXPLAIN and SHOW are of.
func (c *checker) follows(first int) *query.Failure {
	word := c.tokens[first].text
	i := first + 1
	if shown, ok := c.rules.Show[word]; ok {
		if i < len(c.tokens) && c.tokens[i].kind == wordToken && slices.Contains(shown, c.tokens[i].text) {
			return nil
		}
		return c.failure(query.NotSupported, c.tokens[first], "%s is run of %s only", strings.ToUpper(word), strings.ToUpper(strings.Join(shown, ", ")))
	}
	between, ok := c.rules.Explain[word]
	if !ok {
		return nil
	}
	for depth := 0; i < len(c.tokens); i++ {
		switch t := c.tokens[i]; {
		case c.is(i, "("):
			depth++
		case c.is(i, ")"):
			depth--
		case depth > 0 && !c.starts(t), c.is(i, "="), slices.Contains(between, t.text):
		case c.starts(t):
			return nil
		default:
			return c.failure(query.NotSupported, t, "%s of this is not run", strings.ToUpper(word))
		}
	}
	return nil
}

// starts reports whether t starts a statement that gives rows of tables.
func (c *checker) starts(t token) bool {
	return t.kind == wordToken && slices.Contains(c.rules.First, t.text) && c.rules.Explain[t.text] == nil && c.rules.Show[t.text] == nil
}

// token checks one word and what follows it.
func (c *checker) token(i int) *query.Failure {
	t := c.tokens[i]
	for _, phrase := range c.rules.Phrases {
		if c.phrase(i, phrase) {
			return c.failure(query.NotSupported, t, "%s is not run", strings.ToUpper(phrase))
		}
	}
	if t.kind != wordToken && t.kind != quotedToken {
		return nil
	}
	schema := ""
	if c.is(i-1, ".") && i > 1 {
		schema = c.tokens[i-2].text
	}
	if c.rules.Names != nil && !c.rules.Names(schema, t.text) {
		return c.failure(query.PermissionDenied, t, "%s may not be used", t.text)
	}
	if c.rules.Functions != nil && c.is(i+1, "(") && !c.rules.Functions(t.text) {
		return c.failure(query.PermissionDenied, t, "the function %s may not be called", t.text)
	}
	if slices.Contains(c.rules.Making, t.text) && c.is(i+1, "(") && c.large(i+1) {
		return c.failure(query.ExceededLimit, t, "the function %s is asked for more than %d characters", t.text, mostMade)
	}
	return nil
}

const mostMade = 1_000_000

// large reports whether a number in the parentheses that open at i is too large.
func (c *checker) large(i int) bool {
	for depth := 0; i < len(c.tokens); i++ {
		switch t := c.tokens[i]; {
		case c.is(i, "("):
			depth++
		case c.is(i, ")"):
			if depth--; depth == 0 {
				return false
			}
		case t.kind == numberToken:
			n, err := strconv.ParseFloat(strings.ReplaceAll(t.text, "_", ""), 64)
			if err == nil && n > mostMade || errors.Is(err, strconv.ErrRange) {
				return true
			}
		}
	}
	return false
}

// phrase reports whether the words of a phrase start at i.
func (c *checker) phrase(i int, phrase string) bool {
	for word := range strings.FieldsSeq(phrase) {
		if !c.is(i, word) {
			return false
		}
		i++
	}
	return true
}

func (c *checker) volatile(i int) bool {
	t := c.tokens[i]
	if t.kind != wordToken && t.kind != quotedToken {
		return false
	}
	called := c.is(i+1, "(")
	return slices.ContainsFunc(c.rules.Volatile, func(name string) bool {
		if name, ok := strings.CutSuffix(name, "()"); ok {
			return called && name == t.text
		}
		return t.kind == wordToken && name == t.text
	})
}
