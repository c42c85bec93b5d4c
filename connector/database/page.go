package database

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"github.com/inlet-go/inlet/store/errs"
)

// window is the rows that are new for a listing: those whose timestamp and key
// are behind From, up to Until and with it. Its zero value is all rows.
type window struct {
	From  []string `json:"from,omitempty"`
	Until []string `json:"until,omitempty"`
	Null  bool     `json:"null,omitempty"` // those without a timestamp, instead
}

// page is a range of a table's rows, as the key of its file tells it:
// "TABLE/RANGE.parquet", where RANGE is JSON in base64url (RFC 4648).
type page struct {
	Table string   `json:"-"`
	By    []string `json:"by"` // the timestamp's column, if there is one, and those of the primary key
	After []string `json:"after,omitempty"`
	To    []string `json:"to"`
	window
}

const extension = ".parquet"

func (p page) key() (string, error) {
	text, err := json.Marshal(p)
	if err != nil {
		return "", errs.Wrap(errs.Invalid, err, "table %q has keys that are no text", p.Table)
	}
	return p.Table + "/" + base64.RawURLEncoding.EncodeToString(text) + extension, nil
}

func parsePage(key string) (page, error) {
	p := page{}
	missing := func(err error) (page, error) {
		return page{}, errs.Wrap(errs.NotFound, err, "%.100q is no page of a table", key)
	}
	table, name, _ := strings.Cut(key, "/")
	name, ok := strings.CutSuffix(name, extension)
	if !ok || table == "" {
		return missing(errMalformed)
	}
	text, err := base64.RawURLEncoding.Strict().DecodeString(name)
	if err != nil {
		return missing(err)
	}
	if err := json.Unmarshal(text, &p); err != nil {
		return missing(err)
	}
	if len(p.By) == 0 || len(p.To) == 0 {
		return missing(errMalformed)
	}
	p.Table = table
	return p, nil
}

var errMalformed = errs.New(errs.Invalid, "malformed")

// state is where the listings of a task have come to: behind the key After in
// its window, if that is open, or else at the window's end.
type state struct {
	Table string   `json:"table"`
	By    []string `json:"by"`
	After []string `json:"after,omitempty"`
	window
	Nulls []string `json:"nulls,omitempty"` // the last key of the rows without a timestamp

	Listed time.Time `json:"listed,omitzero"` // the last time
	Whole  bool      `json:"whole,omitempty"` // nothing was left over then
}

// parseState returns the zero state for a text that is none.
func parseState(text string) state {
	var s state
	if json.Unmarshal([]byte(text), &s) != nil {
		return state{}
	}
	return s
}

func (s state) text() string {
	text, err := json.Marshal(s)
	if err != nil {
		return "" // texts only: it cannot fail
	}
	return string(text)
}
