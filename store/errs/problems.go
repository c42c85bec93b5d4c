package errs

import (
	"fmt"
	"strings"

	"github.com/hashicorp/go-multierror"
)

// Problems collects everything that is wrong with one input, so that a caller
// hears all of it at once. The zero value is ready to use.
type Problems struct{ list *multierror.Error }

// Addf notes a problem; the text names the field.
func (p *Problems) Addf(format string, args ...any) {
	p.list = multierror.Append(p.list, fmt.Errorf(format, args...))
}

// Check notes the problem unless ok holds.
func (p *Problems) Check(ok bool, format string, args ...any) {
	if !ok {
		p.Addf(format, args...)
	}
}

// Err returns nil when nothing was noted, else one [Invalid] error whose
// message lists the problems in the order in which they were noted.
func (p *Problems) Err() error {
	if p.list == nil {
		return nil
	}
	texts := make([]string, len(p.list.Errors))
	for i, err := range p.list.Errors {
		texts[i] = err.Error()
	}
	return New(Invalid, "%s", strings.Join(texts, "; "))
}
