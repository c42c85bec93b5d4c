package tabular

import (
	"bytes"
	"io"

	"github.com/inlet-go/inlet/store/errs"
)

// delimiters are told apart where a csv file does not say; the first wins a tie.
var delimiters = []byte{',', ';', '\t', '|'}

// sniffRecords is how many records are looked at to tell a delimiter.
const sniffRecords = 100

// sniff reads the start of src and tells the delimiter: the one by which most
// records have as many fields as the header, which must have two at least;
// where several do, the one with more fields. A table of one column has ",".
// What sniff read is in the reader that it returns.
func sniff(src io.Reader, limits Limits) (byte, io.Reader, error) {
	sample := make([]byte, 0, window)
	var err error
	for err == nil && len(sample) < window-16 {
		var n int
		n, err = src.Read(sample[len(sample):window])
		sample = sample[:len(sample)+n]
	}
	if err != nil && err != io.EOF {
		return 0, nil, err
	}
	if bytes.IndexByte(sample, '\n') < 0 && bytes.IndexByte(bytes.TrimRight(sample, "\r"), '\r') >= 0 {
		return 0, nil, errs.New(errs.Invalid, "its lines end with CR alone; save it with LF or CR LF")
	}
	best, bestScore, bestFields := delimiters[0], 0.0, 0
	for _, d := range delimiters {
		score, fields := scoreDelimiter(sample, err == io.EOF, d, limits)
		if score > bestScore || score == bestScore && fields > bestFields {
			best, bestScore, bestFields = d, score, fields
		}
	}
	return best, io.MultiReader(bytes.NewReader(sample), src), nil
}

// scoreDelimiter returns which share of the records has as many fields as the
// first, and how many that has; 0 where it has less than two.
func scoreDelimiter(sample []byte, whole bool, delim byte, limits Limits) (score float64, fields int) {
	r := newRecordReader(nil, delim, limits)
	r.buf, r.end, r.atEOF = sample, len(sample), whole
	records, same := 0, 0
	for records < sniffRecords {
		ok, err := r.scan()
		if err != nil || !ok {
			break
		}
		if records == 0 {
			fields = len(r.fields)
		}
		if len(r.fields) == fields {
			same++
		}
		records++
	}
	if records == 0 {
		fields, records, same = len(r.fields)+1, 1, 1 // the header is longer than the sample
	}
	if fields < 2 {
		return 0, 0
	}
	return float64(same) / float64(records), fields
}
