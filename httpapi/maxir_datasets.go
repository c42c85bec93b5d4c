package httpapi

import (
	"context"
	"net/http"

	"github.com/inlet-go/inlet/dataset"
	"github.com/inlet-go/inlet/store/scope"
)

// maxirDatasets are the operations on datasets.
type maxirDatasets struct{ service *dataset.Service }

func (m *maxirDatasets) routes() []route {
	const one = "/v2/team/datasets/{id}"
	return []route{
		call(http.MethodPost, "/v2/team/datasets", readNewDataset, m.create),
		call(http.MethodGet, "/v2/team/datasets", readDatasetQuery, m.list),
		call(http.MethodPost, one, readDatasetChange, m.modify),
		call(http.MethodDelete, one, readDatasetID, m.delete),
		call(http.MethodGet, one+"/overview", readDatasetID, m.overview),
		call(http.MethodGet, one+"/status", readDatasetID, m.status),
	}
}

func readDatasetID(in *input) string {
	maxirUser(in)
	return in.r.PathValue("id")
}

func readNewDataset(in *input) dataset.New {
	maxirUser(in)
	if !in.body.has("name") {
		in.body.required("name")
	}
	return dataset.New{Name: in.body.text("name"), Description: in.body.text("description")}
}

func (m *maxirDatasets) create(ctx context.Context, sc scope.Scope, n dataset.New) (any, error) {
	d, err := m.service.Create(ctx, sc, n)
	if err != nil {
		return nil, err
	}
	return map[string]string{"id": d.ID}, nil
}

// maxirDataset is a dataset of a list.
type maxirDataset struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Description string `json:"description"`
}

// datasetQuery is which datasets to list.
type datasetQuery struct {
	page
	search string
}

func readDatasetQuery(in *input) datasetQuery {
	maxirUser(in)
	return datasetQuery{page: maxirPage(in), search: in.query.text("search")}
}

func (m *maxirDatasets) list(ctx context.Context, sc scope.Scope, q datasetQuery) (any, error) {
	found, total, err := m.service.List(ctx, sc, dataset.Query{Search: q.search, Offset: q.offset, Limit: q.limit})
	if err != nil {
		return nil, err
	}
	records := make([]maxirDataset, len(found))
	for i, d := range found {
		records[i] = maxirDataset{ID: d.ID, Name: d.Name, Description: d.Description}
	}
	return newMaxirList(q.page, total, records), nil
}

// datasetChange is what to change of which dataset.
type datasetChange struct {
	dataset.Change
	id string
}

func readDatasetChange(in *input) datasetChange {
	maxirUser(in)
	return datasetChange{
		id:     in.r.PathValue("id"),
		Change: dataset.Change{Name: in.body.optionalText("name"), Description: in.body.optionalText("description")},
	}
}

func (m *maxirDatasets) modify(ctx context.Context, sc scope.Scope, ch datasetChange) (any, error) {
	return nil, m.service.Modify(ctx, sc, ch.id, ch.Change)
}

func (m *maxirDatasets) delete(ctx context.Context, sc scope.Scope, id string) (any, error) {
	return nil, m.service.Delete(ctx, sc, id)
}

// maxirOverview tells what is in a dataset. Nobody invents questions here.
type maxirOverview struct {
	maxirDataset
	Summary              string   `json:"summary"`
	ExplorationQuestions []string `json:"exploration_questions"`
	Keywords             []string `json:"keywords"`
}

func (m *maxirDatasets) overview(ctx context.Context, sc scope.Scope, id string) (any, error) {
	o, err := m.service.Overview(ctx, sc, id)
	if err != nil {
		return nil, err
	}
	return maxirOverview{
		maxirDataset: maxirDataset{ID: o.ID, Name: o.Name, Description: o.Description},
		Summary:      o.Summary, ExplorationQuestions: []string{}, Keywords: append([]string{}, o.Keywords...),
	}, nil
}

// maxirStatus counts the data sources of a dataset.
type maxirStatus struct {
	SynchedCount  int `json:"synched_count"`
	InvalidCount  int `json:"invalid_count"`
	SynchingCount int `json:"synching_count"`
}

func (m *maxirDatasets) status(ctx context.Context, sc scope.Scope, id string) (any, error) {
	c, err := m.service.Counts(ctx, sc, id)
	if err != nil {
		return nil, err
	}
	return maxirStatus{SynchedCount: c.Synched, InvalidCount: c.Invalid, SynchingCount: c.Synching}, nil
}
