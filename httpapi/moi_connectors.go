package httpapi

import (
	"context"
	"errors"
	"net/http"

	"github.com/inlet-go/inlet/connector"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/scope"
)

// moiConnectors are the operations on saved connections.
type moiConnectors struct {
	service *connector.Service
	reveal  bool // show secrets
	bare    bool // answer creations without an id
}

func (m *moiConnectors) routes() []route {
	pathID := func(in *input) int64 { return in.pathID("id") }
	return []route{
		call(http.MethodPost, "/connectors", readNewConnector, m.create),
		call(http.MethodPost, "/conectors", readNewConnector, m.create), // as the older documents misprint it
		call(http.MethodPost, "/connectors/validate", readCheck, m.validate),
		call(http.MethodGet, "/connectors/list", readConnectorQuery, m.list),
		call(http.MethodGet, "/connectors/files/list", readFilesQuery, m.files),
		call(http.MethodPost, "/connectors/get", func(in *input) int64 { return in.body.id("id") }, m.get),
		call(http.MethodGet, "/connectors/{id}", pathID, m.get),
		call(http.MethodPut, "/connectors/{id}", readConnectorChange, m.update),
		call(http.MethodDelete, "/connectors/{id}", pathID, m.delete),
	}
}

func readNewConnector(in *input) connector.New {
	n := connector.New{Name: in.body.text("name"), Type: connector.SourceType(in.body.integer("source_type"))}
	if !in.body.has("name") {
		in.body.required("name")
	}
	if !in.body.has("source_type") {
		in.body.required("source_type")
	}
	if config := readConfig(in.body); config != nil {
		n.Config = *config
	} else {
		in.body.required("config")
	}
	return n
}

func (m *moiConnectors) create(ctx context.Context, sc scope.Scope, n connector.New) (any, error) {
	c, err := m.service.Create(ctx, sc, n)
	if err != nil {
		return nil, err
	}
	return created(m.bare, "id", c.ID), nil
}

func readCheck(in *input) connector.Check {
	return connector.Check{
		Type:   connector.SourceType(in.body.integer("source_type")),
		ID:     in.body.optionalID("connector_id"),
		Config: readConfig(in.body),
	}
}

// moiVerdict is whether a connection works.
type moiVerdict struct {
	Valid  bool   `json:"valid"`
	Reason string `json:"reason,omitempty"` // an addition: why not
}

func (m *moiConnectors) validate(ctx context.Context, sc scope.Scope, ch connector.Check) (any, error) {
	v, err := m.service.Validate(ctx, sc, ch)
	return moiVerdict{Valid: v.Valid, Reason: v.Reason}, err
}

func readConnectorQuery(in *input) connector.Query {
	p := pagingOrAll(in.query)
	q := connector.Query{
		Keyword: in.query.text("keyword"),
		Types:   numbersOf[connector.SourceType](in.query, "source_type", "source_type_list"),
		OrderBy: connector.Order(in.query.text("order_by")),
		Offset:  p.offset, Limit: p.limit,
	}
	if q.Keyword == "" {
		q.Keyword = in.query.text("name")
	}
	for _, status := range in.query.texts("status", "status_list") {
		q.Statuses = append(q.Statuses, connector.Status(status))
	}
	if desc := in.query.flag("is_desc"); desc != nil {
		q.Desc = *desc
	}
	return q
}

// moiConnectorList is a list of connectors.
type moiConnectorList struct {
	Connectors []moiConnector `json:"connectors"`
	Total      int            `json:"total"`
}

func (m *moiConnectors) list(ctx context.Context, sc scope.Scope, q connector.Query) (any, error) {
	found, total, err := m.service.List(ctx, sc, q)
	if err != nil {
		return nil, err
	}
	list := moiConnectorList{Connectors: make([]moiConnector, len(found)), Total: total}
	for i, c := range found {
		list.Connectors[i] = newMOIConnector(c, m.reveal)
	}
	return list, nil
}

func (m *moiConnectors) get(ctx context.Context, sc scope.Scope, id int64) (any, error) {
	found, _, err := m.service.List(ctx, sc, connector.Query{IDs: []int64{id}, Limit: 1})
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, errs.New(errs.NotFound, "connector %d not exists", id)
	}
	return newMOIConnector(found[0], m.reveal), nil
}

// connectorChange is what to change of which connector.
type connectorChange struct {
	id int64
	connector.Change
}

func readConnectorChange(in *input) connectorChange {
	ch := connectorChange{id: in.pathID("id")}
	ch.Name, ch.Config = in.body.optionalText("name"), readConfig(in.body)
	if ch.Name == nil && ch.Config == nil {
		in.note("name or config is required")
	}
	return ch
}

func (m *moiConnectors) update(ctx context.Context, sc scope.Scope, ch connectorChange) (any, error) {
	_, err := m.service.Update(ctx, sc, ch.id, ch.Change)
	return nil, err
}

func (m *moiConnectors) delete(ctx context.Context, sc scope.Scope, id int64) (any, error) {
	err := m.service.Delete(ctx, sc, id)
	if errors.Is(err, errs.Conflict) {
		return nil, errConnectorInUse{err}
	}
	return nil, err
}

// filesQuery is what to list of which connector.
type filesQuery struct {
	id int64
	connector.FilesQuery
}

func readFilesQuery(in *input) filesQuery {
	return filesQuery{
		id: in.query.id("connector_id"),
		FilesQuery: connector.FilesQuery{
			Dir:    in.query.text("dir"),
			Types:  numbersOf[connector.FileType](in.query, "file_types"),
			Cursor: in.query.text("cursor"),
			Limit:  in.query.integer("limit"),
		},
	}
}

// moiSourceFile is a file or directory of a connector.
type moiSourceFile struct {
	URI      string             `json:"uri"`
	Filename string             `json:"filename"`
	Size     int64              `json:"size"` // bytes
	Type     connector.FileType `json:"type"`
}

// moiSourceFiles is a page of them. The cursor is an addition; it is there
// only when more follow.
type moiSourceFiles struct {
	Files      []moiSourceFile `json:"files"`
	NextCursor string          `json:"next_cursor,omitempty"`
}

func (m *moiConnectors) files(ctx context.Context, sc scope.Scope, q filesQuery) (any, error) {
	page, err := m.service.Files(ctx, sc, q.id, q.FilesQuery)
	if err != nil {
		return nil, err
	}
	list := moiSourceFiles{Files: make([]moiSourceFile, len(page.Files)), NextCursor: page.Next}
	for i, f := range page.Files {
		list.Files[i] = moiSourceFile{URI: f.URI, Filename: f.Name, Size: f.Size, Type: f.Type}
	}
	return list, nil
}
