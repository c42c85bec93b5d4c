package xlsx

import (
	"strconv"
	"strings"

	"github.com/inlet-go/inlet/store/errs"
)

// style is what the number format of a cell makes of a number.
type style uint8

const (
	plainStyle style = iota
	dateStyle        // a day
	timeStyle        // a day and a time
	clockStyle       // a time of the day
)

// maxStyles bounds the styles of a workbook; Excel allows 64,000.
const maxStyles = 1 << 17

// readStyles reads the number formats of the styles that cells refer to.
func (b *book) readStyles(part string) error {
	formats := map[int]style{} // of the workbook's own
	inCells := false
	return b.each(part, func(e element) error {
		switch e.name {
		case "numFmt":
			if id, err := strconv.Atoi(e.attr("numFmtId")); err == nil && len(formats) < maxStyles {
				formats[id] = styleOf(e.attr("formatCode"))
			}
		case "cellXfs":
			inCells = true
		case "cellStyleXfs", "cellStyles", "dxfs", "tableStyles", "colors":
			inCells = false
		case "xf":
			if !inCells {
				return nil
			}
			if len(b.styles) == maxStyles {
				return errs.New(errs.TooLarge, "the workbook has more than %d styles", maxStyles)
			}
			id, _ := strconv.Atoi(e.attr("numFmtId"))
			s, own := formats[id]
			if !own {
				s = builtIn(id)
			}
			b.styles = append(b.styles, s)
		}
		return nil
	})
}

// builtIn is the style of a number format that files do not define (ECMA-376
// part 1, 18.8.30).
func builtIn(id int) style {
	switch {
	case id >= 14 && id <= 17, id >= 27 && id <= 31, id == 36, id >= 50 && id <= 54, id == 57, id == 58:
		return dateStyle
	case id == 22:
		return timeStyle
	case id >= 18 && id <= 21, id >= 32 && id <= 35, id == 55, id == 56:
		return clockStyle
	}
	return plainStyle
}

// styleOf tells from a format code, of which the part for positive numbers
// counts. A duration such as [h]:mm is a number.
func styleOf(code string) style {
	var date, clock bool
	code = strings.ToLower(code)
	for i := 0; i < len(code); i++ {
		switch c := code[i]; c {
		case ';':
			i = len(code)
		case '"':
			if n := strings.IndexByte(code[i+1:], '"'); n >= 0 {
				i += n + 1
			}
		case '\\', '_', '*':
			i++
		case '[':
			n := strings.IndexByte(code[i:], ']')
			if n < 0 {
				return plainStyle
			}
			if inner := code[i+1 : i+n]; inner != "" && strings.Trim(inner, "hms") == "" {
				return plainStyle
			}
			i += n
		case 'y', 'd':
			date = true
		case 'h', 's':
			clock = true
		case 'm':
			if strings.HasPrefix(code[i:], "mmm") {
				date = true
			}
		case 'g': // General, and the eras of Japan and Taiwan
			if strings.HasPrefix(code[i:], "general") {
				i += len("general") - 1
			}
		}
	}
	switch {
	case date && clock:
		return timeStyle
	case date:
		return dateStyle
	case clock:
		return clockStyle
	}
	return plainStyle
}
