package sqlite

import (
	"database/sql"
	"math/rand/v2"
	"testing"
)

// TestFunctionsAnswerAsSQLites compares the functions that are replaced with
// SQLite's own, on texts in which much repeats.
func TestFunctionsAnswerAsSQLites(t *testing.T) {
	own, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	defer own.Close()
	l, err := newSlot((*Options)(nil).settings())
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector{l.driver})
	defer db.Close()
	r := rand.New(rand.NewPCG(1, 2))
	pick := func(parts []string, most int) any {
		if r.IntN(20) == 0 {
			return []any{nil, int64(12), 1.5, -0.25, 1e21, []byte("ab")}[r.IntN(6)]
		}
		s := ""
		for range r.IntN(most + 1) {
			s += parts[r.IntN(len(parts))]
		}
		return s
	}
	plain := []string{"a", "b", "B", "日", "é", "É", "1", ".", "]", "-"}
	likes := append([]string{"%", "_", "%", "_"}, plain...)
	globs := append([]string{"*", "?", "[ab]", "[^a]", "[a-b]", "[]a]", "[日-本]", "*"}, plain...)
	for range 4_000 {
		for _, c := range []struct {
			sql  string
			args []any
		}{
			{"SELECT ? LIKE ?", []any{pick(plain, 6), pick(likes, 5)}},
			{"SELECT ? LIKE ? ESCAPE 'b'", []any{pick(plain, 6), pick(likes, 5)}},
			{"SELECT ? LIKE ? ESCAPE '%'", []any{pick(plain, 6), pick(likes, 5)}},
			{"SELECT ? LIKE ? ESCAPE '_'", []any{pick(plain, 6), pick(likes, 5)}},
			{"SELECT ? GLOB ?", []any{pick(plain, 6), pick(globs, 4)}},
			{"SELECT instr(?, ?)", []any{pick(plain, 8), pick(plain, 2)}},
			{"SELECT replace(?, ?, ?)", []any{pick(plain, 8), pick(plain, 2), pick(plain, 2)}},
			{"SELECT trim(?, ?)", []any{pick(plain, 8), pick(plain, 3)}},
			{"SELECT ltrim(?, ?)", []any{pick(plain, 8), pick(plain, 3)}},
			{"SELECT rtrim(?, ?)", []any{pick(plain, 8), pick(plain, 3)}},
		} {
			var want, got any
			if err := own.QueryRow(c.sql, c.args...).Scan(&want); err != nil {
				t.Fatal(err)
			}
			if err := db.QueryRow(c.sql, c.args...).Scan(&got); err != nil {
				t.Fatal(err)
			}
			if want != got {
				t.Fatalf("%s of %q gives %v, SQLite's %v", c.sql, c.args, got, want)
			}
		}
	}
}
