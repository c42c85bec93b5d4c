package work

import (
	"context"
	"time"
)

// keepLeases renews the leases of running items, and ends the contexts of
// those that are lost, until ctx ends.
func (d *Local) keepLeases(ctx context.Context) {
	beat := time.NewTicker(d.opts.Heartbeat)
	defer beat.Stop()
	check := time.NewTicker(d.opts.Check)
	defer check.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-beat.C:
			d.renew(ctx)
		case <-check.C:
			d.check(ctx)
		}
	}
}

// held returns the leases of running items.
func (d *Local) held() []Lease {
	d.mu.Lock()
	defer d.mu.Unlock()
	list := make([]Lease, 0, len(d.running))
	for l := range d.running {
		list = append(list, l)
	}
	return list
}

func (d *Local) renew(ctx context.Context) {
	list := d.held()
	if len(list) == 0 {
		return
	}
	bounded, cancel := context.WithTimeout(ctx, d.opts.Heartbeat)
	defer cancel()
	until := time.Now().Add(d.opts.TTL)
	lost, err := d.leases.Renew(bounded, list, d.opts.TTL)
	if err != nil {
		if ctx.Err() == nil {
			d.opts.Logger.WarnContext(ctx, "leases not renewed", "leases", len(list), "error", err)
		}
		return
	}
	d.lose(lost)
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, l := range list {
		if j := d.running[l]; j != nil && j.expiry.Stop() {
			j.expiry.Reset(time.Until(until))
		}
	}
}

// check looks for leases that are lost before the next heartbeat would tell.
func (d *Local) check(ctx context.Context) {
	list := d.held()
	if len(list) == 0 {
		return
	}
	bounded, cancel := context.WithTimeout(ctx, d.opts.Heartbeat)
	defer cancel()
	lost, err := d.leases.Check(bounded, list)
	if err != nil && ctx.Err() == nil {
		d.opts.Logger.WarnContext(ctx, "leases not checked", "leases", len(list), "error", err)
	}
	d.lose(lost)
}

func (d *Local) lose(lost []Lease) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, l := range lost {
		if j := d.running[l]; j != nil {
			j.cancel(ErrLost)
		}
	}
}
