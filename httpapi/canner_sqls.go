package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/inlet-go/inlet/query"
	"github.com/inlet-go/inlet/store/scope"
)

// cannerSQLs are the operations on saved SQL.
type cannerSQLs struct {
	service *query.Service
	now     func() time.Time
}

func (c *cannerSQLs) routes() []route {
	return []route{
		call(http.MethodGet, "/sqls", func(in *input) string { return readCannerID(in).workspace }, c.list),
		call(http.MethodPost, "/sql", readNewSQL, c.save),
		call(http.MethodGet, "/sql/{id}", readCannerID, c.get),
		call(http.MethodPost, "/sql/{id}", readCannerID, c.run),
		call(http.MethodPut, "/sql/{id}", readSQLChange, c.change), // an addition, as is the next
		call(http.MethodDelete, "/sql/{id}", readCannerID, c.delete),
	}
}

// cannerSQL is a saved statement.
type cannerSQL struct {
	ID          string `json:"id"`
	Title       string `json:"title"`
	Description string `json:"description,omitempty"`
	SQL         string `json:"sql"`
	Workspace   string `json:"workspaceId"`
	AccountID   string `json:"accountId"`
}

func newCannerSQL(s *query.SavedSQL) cannerSQL {
	return cannerSQL{ID: s.ID, Title: s.Title, Description: s.Description, SQL: s.SQL, Workspace: s.Workspace, AccountID: s.User}
}

func readNewSQL(in *input) query.NewSQL {
	n := query.NewSQL{
		Workspace: cannerWorkspace(in), Title: in.body.text("title"), Description: in.body.text("description"), SQL: in.body.text("sql"),
	}
	if n.Workspace == "" {
		in.body.required("workspaceId")
	}
	for _, key := range []string{"sql", "title"} {
		if !in.body.has(key) {
			in.body.required(key)
		}
	}
	return n
}

func (c *cannerSQLs) save(ctx context.Context, sc scope.Scope, n query.NewSQL) (any, error) {
	s, err := c.service.SaveSQL(ctx, sc, n)
	if err != nil {
		return nil, err
	}
	return newCannerSQL(s), nil
}

func (c *cannerSQLs) list(ctx context.Context, sc scope.Scope, workspace string) (any, error) {
	saved, err := c.service.SQLs(ctx, sc, workspace)
	if err != nil {
		return nil, err
	}
	list := make([]cannerSQL, len(saved))
	for i, s := range saved {
		list[i] = newCannerSQL(s)
	}
	return list, nil
}

// get answers with the statement and with the statistics of its last run: the
// document says the one in words and shows the other.
func (c *cannerSQLs) get(ctx context.Context, sc scope.Scope, v cannerID) (any, error) {
	s, last, err := c.service.SQL(ctx, sc, v.workspace, v.id)
	if err != nil {
		return nil, err
	}
	answer := struct {
		cannerSQL
		Stats cannerStats `json:"stats"`
	}{cannerSQL: newCannerSQL(s)}
	if last != nil {
		answer.Stats = newCannerStats(last, c.now())
	}
	return answer, nil
}

func (c *cannerSQLs) run(ctx context.Context, sc scope.Scope, v cannerID) (any, error) {
	q, err := c.service.RunSQL(ctx, sc, v.workspace, v.id)
	if err != nil {
		return nil, err
	}
	return newCannerQuery(q, c.now()), nil
}

// sqlChange is what to change of which saved statement.
type sqlChange struct {
	cannerID
	query.SQLChange
}

func readSQLChange(in *input) sqlChange {
	return sqlChange{readCannerID(in), query.SQLChange{
		Title: in.body.optionalText("title"), Description: in.body.optionalText("description"), SQL: in.body.optionalText("sql"),
	}}
}

func (c *cannerSQLs) change(ctx context.Context, sc scope.Scope, ch sqlChange) (any, error) {
	s, err := c.service.ChangeSQL(ctx, sc, ch.workspace, ch.id, ch.SQLChange)
	if err != nil {
		return nil, err
	}
	return newCannerSQL(s), nil
}

func (c *cannerSQLs) delete(ctx context.Context, sc scope.Scope, v cannerID) (any, error) {
	return nil, c.service.DeleteSQL(ctx, sc, v.workspace, v.id)
}
