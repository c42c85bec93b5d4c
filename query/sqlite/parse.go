package sqlite

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/inlet-go/inlet/query"
)

// maxText bounds the bytes of a statement.
const maxText = 1 << 20

// maxDepth bounds how deep parentheses nest; what looks for names in them takes
// time for each level.
const maxDepth = 250

// parse splits a statement and refuses what is not one question. SQLite judges
// everything else; that nothing is written is for the authorizer to see to.
func parse(sql string) ([]token, error) {
	fail := func(at int, name, format string, args ...any) error {
		line, column := place(sql, at)
		return &query.Failure{Name: name, Message: fmt.Sprintf(format, args...), Line: line, Column: column}
	}
	switch i := strings.IndexAny(sql, "\x00"+mark); {
	case len(sql) > maxText:
		return nil, &query.Failure{Name: query.ExceededLimit, Message: fmt.Sprintf("the statement is longer than %d bytes", maxText)}
	case !utf8.ValidString(sql):
		return nil, &query.Failure{Name: query.SyntaxError, Message: "the statement is not UTF-8"}
	case i >= 0:
		return nil, fail(i, query.SyntaxError, "the statement has a control character")
	}
	tokens := scan(sql)
	if semicolon := slices.IndexFunc(tokens, func(t token) bool { return t.is(";") }); semicolon >= 0 {
		for _, t := range tokens[semicolon:] {
			if !t.is(";") {
				return nil, fail(t.start, query.NotSupported, "only one statement can be run at a time")
			}
		}
		tokens = tokens[:semicolon]
	}
	if len(tokens) == 0 {
		return nil, fail(0, query.SyntaxError, "the statement is empty")
	}
	depth := 0
	for _, t := range tokens {
		switch {
		case t.is("("):
			depth++
		case t.is(")"):
			depth--
		case t.kind == tokenVariable:
			return nil, fail(t.start, query.NotSupported, "a statement has no parameters, such as %s", sql[t.start:t.end])
		}
		if depth > maxDepth {
			return nil, fail(t.start, query.ExceededLimit, "parentheses are nested more than %d deep", maxDepth)
		}
	}
	if first := tokens[0]; changing[first.text] && first.kind == tokenWord {
		return nil, fail(first.start, query.NotSupported, "only a query can be run, not %s", strings.ToUpper(first.text))
	}
	return tokens, nil
}

// changing are the statements that are no query.
var changing = map[string]bool{
	"alter": true, "analyze": true, "attach": true, "begin": true, "commit": true, "create": true, "delete": true,
	"detach": true, "drop": true, "end": true, "insert": true, "pragma": true, "reindex": true, "release": true,
	"replace": true, "rollback": true, "savepoint": true, "update": true, "vacuum": true,
}

// expressions returns about how many values a statement computes at a time:
// calls of functions, concatenations, and columns that are no literals.
func expressions(tokens []token) int {
	n := 0
	for i, t := range tokens {
		if t.kind != tokenSymbol {
			continue
		}
		switch t.text {
		case "(", "|", ">":
			n++
		case ",":
			if i > 0 && tokens[i-1].kind != tokenNumber && tokens[i-1].kind != tokenString {
				n++
			}
		}
	}
	return n
}
