// Package scope says on whose behalf a call is made.
package scope

import "github.com/inlet-go/inlet/store/errs"

// Scope is who asks: it is the first argument after the context of every
// service method. Another tenant's things do not exist for it.
type Scope struct {
	Tenant string // whose data; never empty
	User   string // shown as creator and owner; may be empty
}

// Check returns an Unauthorized error when no tenant is set, so that a host
// that forgets to authenticate cannot reach data by accident.
func (s Scope) Check() error {
	if s.Tenant == "" {
		return errs.New(errs.Unauthorized, "no tenant in scope")
	}
	return nil
}
