package tabular

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxName bounds the bytes of a column's name; Original keeps all of it.
const maxName = 255

// Name gives the columns their names from what the file calls them: blanks are
// trimmed and made one, control and formatting characters removed; a column
// without a name becomes col_N by its place, from 1, and one whose name is
// taken, whatever the case, gets the first free suffix _2, _3 and so on.
func Name(columns []Column) {
	cleaned := make([]string, len(columns))
	taken := map[string]bool{} // by names in lower case
	for i := range columns {
		cleaned[i] = cleanName(columns[i].Original)
		taken[strings.ToLower(cleaned[i])] = true
	}
	used := map[string]bool{}
	last := map[string]int{} // the last suffix given to a name
	for i, name := range cleaned {
		if name == "" {
			name = "col_" + strconv.Itoa(i+1)
			if lower := strings.ToLower(name); !taken[lower] {
				taken[lower] = true
				used[lower] = true
				columns[i].Name = name
				continue
			}
		}
		lower := strings.ToLower(name)
		if used[lower] || cleaned[i] == "" {
			base := name
			for n := max(last[lower], 1) + 1; ; n++ {
				name = base + "_" + strconv.Itoa(n)
				if !taken[strings.ToLower(name)] {
					last[lower] = n
					break
				}
			}
			taken[strings.ToLower(name)] = true
		}
		used[strings.ToLower(name)] = true
		columns[i].Name = name
	}
}

func cleanName(s string) string {
	var b strings.Builder
	blank := false
	for _, r := range s {
		switch {
		case unicode.IsSpace(r):
			blank = b.Len() > 0
			continue
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), r == utf8.RuneError:
			continue
		}
		if b.Len()+1+utf8.RuneLen(r) > maxName {
			break
		}
		if blank {
			b.WriteByte(' ')
			blank = false
		}
		b.WriteRune(r)
	}
	return b.String()
}
