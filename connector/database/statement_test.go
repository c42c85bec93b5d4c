package database

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/inlet-go/inlet/store/errs"
)

func TestSelect(t *testing.T) {
	d := Dialect{
		Quote: func(name string) string { return "<" + name + ">" },
		Bind: func(c Column, text string, n int) (string, any, error) {
			if text == "bad" {
				return "", nil, errs.New(errs.Invalid, "no value of %s", c.Name)
			}
			return fmt.Sprintf("$%d", n), c.Name + "=" + text, nil
		},
	}
	id, at := Column{Name: "id"}, Column{Name: "at", Nullable: true}
	plain := func(name string, _ Column) string { return name }
	for _, tt := range []struct {
		q    Query
		want string
		args []any
	}{
		{Query{Table: "t", Columns: []Column{id, at}}, "SELECT t.<id>, t.<at> FROM <t> AS t", nil},
		{
			Query{
				Table: "t", Columns: []Column{id}, Order: []Column{at, id}, Desc: true, Limit: 5,
				Ranges: []Range{{By: []Column{id}, After: []string{"1"}, To: []string{"9"}}, {By: []Column{at, id}, To: []string{"x", "7"}}},
			},
			"SELECT t.<id> FROM <t> AS t WHERE (t.<id>) > ($1) AND (t.<id>) <= ($2) AND t.<at> IS NOT NULL AND (t.<at>, t.<id>) <= ($3, $4)" +
				" ORDER BY t.<at> DESC, t.<id> DESC LIMIT 5",
			[]any{"id=1", "id=9", "at=x", "id=7"},
		},
		{
			Query{Table: "t", Columns: []Column{id}, Ranges: []Range{{By: []Column{id}}, {By: []Column{at, id}, Null: true}}},
			"SELECT t.<id> FROM <t> AS t WHERE t.<at> IS NULL", nil,
		},
	} {
		text, args, err := d.Select(tt.q, plain)
		if diff := cmp.Diff([]any{tt.want, tt.args}, []any{text, args}); diff != "" || err != nil {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
	}
	if _, _, err := d.Select(Query{Ranges: []Range{{By: []Column{id}, To: []string{"bad"}}}}, plain); errs.KindOf(err) != errs.Invalid {
		t.Errorf("a bound that is no value: %v", err)
	}
}
