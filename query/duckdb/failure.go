package duckdb

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/inlet-go/inlet/query"
)

// message is an error of DuckDB, which writes them as JSON here.
type message struct {
	Type     string `json:"exception_type"`
	Text     string `json:"exception_message"`
	Subtype  string `json:"error_subtype"`
	Position string `json:"position"`
	Entry    string `json:"type"`
}

// failure translates an error of DuckDB about a statement.
func failure(text, statement string) *query.Failure {
	var m message
	start := strings.IndexByte(text, '{')
	if start < 0 || json.Unmarshal([]byte(text[start:]), &m) != nil {
		m.Type, m.Text, _ = strings.Cut(text, " Error: ")
		if m.Text == "" {
			m.Text = text
		}
	}
	f := &query.Failure{Name: query.GenericUserError, Message: m.Text}
	if n, err := strconv.Atoi(m.Position); err == nil {
		f.Line, f.Column = place(statement, n)
	}
	switch m.Type {
	case "Parser", "Syntax":
		f.Name = query.SyntaxError
	case "Binder":
		f.Name = binder(m)
	case "Catalog":
		switch {
		case m.Entry == "Table" || strings.HasPrefix(m.Text, "Table"):
			f.Name = query.TableNotFound
		case strings.Contains(m.Entry, "Function") || strings.Contains(m.Text, "Function with name"):
			f.Name = query.FunctionNotFound
		}
	case "Permission":
		f.Name = query.PermissionDenied
	case "Not implemented":
		f.Name = query.NotSupported
	case "Out of Range":
		f.Name = query.NumericOverflow
	case "Out of Memory":
		f.Name, f.Type = query.ExceededMemoryLimit, query.InsufficientResources
		if strings.Contains(m.Text, "max_temp_directory_size") || strings.Contains(m.Text, "temp_directory") {
			f.Name = query.StorageFull
		}
	case "IO":
		f.Name, f.Type = query.GenericInternal, query.InternalError
		if strings.Contains(m.Text, "No space left") {
			f.Name, f.Type = query.StorageFull, query.InsufficientResources
		}
	case "INTERNAL", "Internal", "FATAL":
		f.Name, f.Type, f.Message = query.GenericInternal, query.InternalError, "the engine failed"
	}
	return f
}

func binder(m message) string {
	switch {
	case m.Subtype == "COLUMN_NOT_FOUND" || strings.Contains(m.Text, "not found in FROM clause"):
		return query.ColumnNotFound
	case strings.HasPrefix(m.Text, "Ambiguous reference"):
		return query.AmbiguousName
	case strings.Contains(m.Text, "No function matches"):
		return query.FunctionNotFound
	}
	return query.GenericUserError
}
