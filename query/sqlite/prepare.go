package sqlite

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/inlet-go/inlet/query"
)

// prepared is a statement that is checked. It holds no connection and no file
// until it runs: a queue may have many of them.
type prepared struct {
	engine   *Engine
	st       query.Statement
	tokens   []token
	resolved *resolved
	deps     query.Dependencies
	at       map[*target]location // where the tables were last, for messages
	closed   bool
}

// Prepare implements [query.Engine]. It loads no table: what is wrong with the
// statement is found with empty tables of the same columns.
func (e *Engine) Prepare(ctx context.Context, st query.Statement) (query.Prepared, error) {
	if err := e.enter(); err != nil {
		return nil, err
	}
	defer e.busy.Done()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	tokens, err := parse(st.SQL)
	if err != nil {
		return nil, err
	}
	p := &prepared{engine: e, st: st, tokens: tokens, at: map[*target]location{}}
	if p.resolved, err = resolve(ctx, st, tokens); err != nil {
		return nil, err
	}
	for _, t := range p.resolved.tables {
		if t.table.Version == "" {
			return nil, fmt.Errorf("the catalog gives table %s no version", t.name())
		}
	}
	err = p.check(ctx, p.cached())
	if damaged(err) {
		err = p.check(ctx, nil)
	}
	if err != nil {
		return nil, err
	}
	return p, nil
}

// check compiles the statement once, with the files of all of its tables, or
// with none.
func (p *prepared) check(ctx context.Context, files []*file) error {
	e := p.engine
	defer func() {
		for _, f := range files {
			e.cache.unpin(f)
		}
	}()
	c, err := e.pool.get(ctx, files)
	if err != nil {
		return err
	}
	broken := true
	defer func() {
		broken = c.removeImitation() != nil || broken
		e.pool.put(c, broken)
	}()
	defer c.watch(ctx)()
	var granted *permit
	if len(files) == len(p.resolved.tables) && len(files) > 0 {
		for i, t := range p.resolved.tables {
			p.at[t] = location{files[i].database(), tableName}
		}
		err = c.attach(files)
	} else if len(p.resolved.tables) > 0 {
		err = p.imitate(ctx, c)
	}
	if err == nil {
		granted, err = p.compile(c)
	}
	if broken = damaged(err); broken {
		for _, f := range files {
			e.cache.drop(f)
		}
	}
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return err
	}
	p.depend(granted)
	return nil
}

// cached returns the files of all tables, in their order, where they are in
// the cache and can all be attached; else none.
func (p *prepared) cached() []*file {
	var files []*file
	if len(p.resolved.tables) > attachLimit {
		return nil
	}
	for _, t := range p.resolved.tables {
		f := p.engine.cache.pin(keyOf("table", t.table.Version))
		if f == nil {
			for _, pinned := range files {
				p.engine.cache.unpin(pinned)
			}
			return nil
		}
		files = append(files, f)
	}
	return files
}

// imitation is the database with empty tables that a statement is checked with.
const imitation = mark + "imitation"

// imitate makes empty tables of the same columns.
func (p *prepared) imitate(ctx context.Context, c *connection) error {
	if err := c.imitation(); err != nil {
		return err
	}
	for i, t := range p.resolved.tables {
		columns, err := p.engine.columns(ctx, t.table)
		if err != nil {
			return tableFailure(t.table, err)
		}
		where := location{imitation, packName(i)}
		if err := c.exec("CREATE TABLE " + quote(where.database) + "." + quote(where.table) + definition(columns, nil)); err != nil {
			return fmt.Errorf("declare table %s: %w", t.name(), err)
		}
		p.at[t] = where
	}
	return nil
}

// compile compiles the statement with the tables where they are now.
func (p *prepared) compile(c *connection) (*permit, error) {
	st, w, granted, err := p.prepareOn(c)
	if err == nil {
		granted = st.permit
		err = wrongName(p.resolved.wrong)
	} else if err = p.failure(err, w, granted); p.resolved.wrong != nil {
		if f := (*query.Failure)(nil); !errors.As(err, &f) || f.Name != query.SyntaxError {
			err = p.resolved.wrong // SQLite says only that it does not know the name
		}
	}
	return granted, err
}

func wrongName(f *query.Failure) error {
	if f == nil {
		return nil
	}
	return f
}

// prepareOn compiles the statement with the tables where they are now.
func (p *prepared) prepareOn(c *connection) (*statement, rewritten, *permit, error) {
	granted := newPermit()
	granted.common = p.resolved.common
	for _, t := range p.resolved.tables {
		granted.tables[p.at[t]] = true
	}
	for _, t := range p.resolved.views {
		if err := c.createView(t.view); err != nil {
			return nil, rewritten{}, granted, err
		}
		p.at[t] = viewLocation(t.view)
		granted.views[p.at[t].table] = true
	}
	w := rewrite(p.st.SQL, p.tokens, p.resolved, p.at)
	st, err := c.prepare(w.sql, granted)
	return st, w, granted, err
}

// depend notes what the answer depends on: all tables that are named in FROM.
// That is not left to the authorizer, which is not asked about columns that are
// only in USING.
func (p *prepared) depend(granted *permit) {
	p.deps.Volatile = granted.volatile || len(p.resolved.views) > 0 || asksTime(p.tokens)
	for _, t := range p.resolved.tables {
		if p.deps.Versions == nil {
			p.deps.Versions = map[string]string{}
		}
		p.deps.Versions[t.name()] = t.table.Version
	}
}

// asksTime reports whether a statement asks what time it is: date functions
// give that for 'now' and where they have no time to start from.
func asksTime(tokens []token) bool {
	functions := []string{"date", "time", "datetime", "julianday", "unixepoch", "strftime"}
	for i, t := range tokens {
		if t.kind == tokenString && lower(t.text) == "now" {
			return true
		}
		if t.kind != tokenWord || !slices.Contains(functions, t.text) || i+2 >= len(tokens) || !tokens[i+1].is("(") {
			continue
		}
		if tokens[i+2].is(")") || t.text == "strftime" && i+3 < len(tokens) && tokens[i+3].is(")") {
			return true
		}
	}
	return false
}

// Dependencies implements [query.Prepared].
func (p *prepared) Dependencies() query.Dependencies { return p.deps }

// Close implements [query.Prepared].
func (p *prepared) Close() error {
	p.closed = true
	return nil
}

// imitation gives the connection an empty database for tables that are not
// loaded.
func (c *connection) imitation() error {
	if len(c.attached) >= attachLimit {
		c.uses++
		if err := c.detachOldest(); err != nil {
			return err
		}
	}
	return c.attachAs(":memory:", imitation)
}

// removeImitation removes it, if it is there.
func (c *connection) removeImitation() error {
	if !c.imitates {
		return nil
	}
	c.forget()
	c.imitates = false
	return c.exec("DETACH " + quote(imitation))
}
