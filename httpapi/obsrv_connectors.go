package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/inlet-go/inlet/connector"
	"github.com/inlet-go/inlet/store/errs"
	"github.com/inlet-go/inlet/store/scope"
)

// obsrvConnectors are the operations on connector definitions, which the
// product calls connectors.
type obsrvConnectors struct{ service *connector.Definitions }

func (o *obsrvConnectors) routes() []route {
	all := func(in *input) *input { return in }
	return []route{
		call(http.MethodPost, obsrvList, readDefinitionQuery, o.list),
		call(http.MethodGet, obsrvRead, readDefinitionID, o.read),
		streamed(call(http.MethodPost, obsrvRegister, all, o.register)),
		streamed(call(http.MethodPost, obsrvAlias, all, o.register)),
	}
}

// definitionID is which definition to read.
type definitionID struct {
	id   string
	edit bool
}

func readDefinitionID(in *input) definitionID {
	return definitionID{in.r.PathValue("id"), strings.EqualFold(in.query.text("mode"), "edit")}
}

// obsrvConnector is a definition that is read.
type obsrvConnector struct {
	ID          string                     `json:"id"`
	ConnectorID string                     `json:"connector_id"`
	Name        string                     `json:"name"`
	Type        string                     `json:"type"`
	Category    string                     `json:"category"`
	Version     string                     `json:"version"`
	Description string                     `json:"description"`
	Licence     string                     `json:"licence"`
	Owner       string                     `json:"owner"`
	IconURL     *string                    `json:"iconurl"`
	Status      connector.DefinitionStatus `json:"status"`
	UISpec      json.RawMessage            `json:"ui_spec"`
	CreatedBy   string                     `json:"created_by"`
	UpdatedBy   string                     `json:"updated_by"`
	CreatedDate *string                    `json:"created_date"`
	UpdatedDate *string                    `json:"updated_date"`
	LiveDate    *string                    `json:"live_date"`
}

// obsrvDate writes a time as the product does: UTC, with milliseconds; null
// for one that is not set.
func obsrvDate(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	s := t.UTC().Format("2006-01-02T15:04:05.000Z")
	return &s
}

func obsrvIcon(url string) *string {
	if url == "" {
		return nil
	}
	return &url
}

func (o *obsrvConnectors) read(ctx context.Context, sc scope.Scope, q definitionID) (any, error) {
	d, err := o.service.Read(ctx, sc, q.id, q.edit)
	if errors.Is(err, errs.NotFound) {
		return nil, obsrvFailed{err, obsrvStatuses[errs.NotFound], "Connector not found: " + q.id}
	}
	if err != nil {
		return nil, err
	}
	spec := d.UISpec
	if len(spec) == 0 {
		spec = json.RawMessage("{}")
	}
	return obsrvConnector{
		ID: d.ID, ConnectorID: d.ConnectorID, Name: d.Name, Type: d.Type, Category: d.Category, Version: d.Version,
		Description: d.Description, Licence: d.Licence, Owner: d.Owner, IconURL: obsrvIcon(d.IconURL), Status: d.Status, UISpec: spec,
		CreatedBy: d.CreatedBy, UpdatedBy: d.UpdatedBy,
		CreatedDate: obsrvDate(d.CreatedAt), UpdatedDate: obsrvDate(d.UpdatedAt), LiveDate: obsrvDate(d.LiveAt),
	}, nil
}

// obsrvListed is a definition of a list.
type obsrvListed struct {
	ID          string                     `json:"id"`
	ConnectorID string                     `json:"connector_id"`
	Name        string                     `json:"name"`
	Type        string                     `json:"type"`
	Category    string                     `json:"category"`
	Version     string                     `json:"version"`
	Description string                     `json:"description"`
	Technology  string                     `json:"technology"`
	Runtime     string                     `json:"runtime"`
	Licence     string                     `json:"licence"`
	Owner       string                     `json:"owner"`
	IconURL     *string                    `json:"iconurl"`
	Status      connector.DefinitionStatus `json:"status"`
	CreatedBy   string                     `json:"created_by"`
	UpdatedBy   string                     `json:"updated_by"`
	CreatedDate *string                    `json:"created_date"`
	UpdatedDate *string                    `json:"updated_date"`
	LiveDate    *string                    `json:"live_date"`
}

// obsrvListing is all that a list's filters select; there are no pages.
type obsrvListing struct {
	Data  []obsrvListed `json:"data"`
	Count int           `json:"count"`
}

// readDefinitionQuery reads the filters of a list. What is wrong is told as
// the product tells it: the first thing only.
func readDefinitionQuery(in *input) connector.DefinitionQuery {
	var body any = in.body.fields
	if in.body.fields == nil {
		body = map[string]any{}
	}
	if problem := obsrvListShape.check("#", body); problem != "" {
		in.note("%s", problem)
		return connector.DefinitionQuery{}
	}
	filters := in.body.object("request").object("filters")
	q := connector.DefinitionQuery{Categories: filters.texts("category")}
	for _, status := range filters.texts("status") {
		q.Statuses = append(q.Statuses, connector.DefinitionStatus(status))
	}
	return q
}

func (o *obsrvConnectors) list(ctx context.Context, sc scope.Scope, q connector.DefinitionQuery) (any, error) {
	found, err := o.service.List(ctx, sc, q)
	if err != nil {
		return nil, err
	}
	list := obsrvListing{Data: make([]obsrvListed, len(found)), Count: len(found)}
	for i, d := range found {
		list.Data[i] = obsrvListed{
			ID: d.ID, ConnectorID: d.ConnectorID, Name: d.Name, Type: d.Type, Category: d.Category, Version: d.Version,
			Description: d.Description, Technology: d.Technology, Runtime: d.Runtime, Licence: d.Licence, Owner: d.Owner,
			IconURL: obsrvIcon(d.IconURL), Status: d.Status, CreatedBy: d.CreatedBy, UpdatedBy: d.UpdatedBy,
			CreatedDate: obsrvDate(d.CreatedAt), UpdatedDate: obsrvDate(d.UpdatedAt), LiveDate: obsrvDate(d.LiveAt),
		}
	}
	return list, nil
}
