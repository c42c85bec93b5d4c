// Package work is durable leased work: items that are kept in a store, each
// worked on by one node at a time, and taken over when that node dies.
//
// Who works on what is decided by a [Dispatcher]. What counts is decided by
// the fence: each claim of an item gets a higher one, and whoever commits an
// effect checks it in the same transaction. A node that was stopped and
// continues after its lease was taken therefore changes nothing.
package work

import (
	"context"
	"time"
)

// Item is one piece of claimed work.
type Item struct {
	ID      int64
	Kind    string // which handler takes it, such as "task.load"
	Group   int64  // items of a group share a fair turn and are stopped together
	Tenant  string
	Fence   int64 // of this claim
	Attempt int   // 1 at the first claim; grows also when a node died
	Payload string
}

// Lease names a claim.
type Lease struct {
	ID    int64
	Fence int64
}

// Lease returns the claim that the item stands for.
func (i Item) Lease() Lease { return Lease{ID: i.ID, Fence: i.Fence} }

// New is an item to be enqueued. Stores enqueue within the transaction that
// makes the work necessary; see the domains' repositories.
type New struct {
	Kind      string
	Group     int64
	Tenant    string
	Payload   string
	NotBefore time.Time // zero means at once
}

// Leases is what a store offers to dispatchers. Time is the database's clock,
// so that nodes with different clocks agree. Every method is one transaction.
type Leases interface {
	// Claim leases up to limit due items of the given kinds to owner for ttl.
	// Groups take turns: one with fewer items in flight comes first, then the
	// one whose last claim is longest ago; a store may choose among the 64
	// groups that wait longest. Items of stopped groups are not given. An item
	// whose lease ran out counts as due; until it is claimed again its last
	// claim can still be renewed and used.
	Claim(ctx context.Context, owner string, kinds []string, limit int, ttl time.Duration) ([]Item, error)

	// Renew extends the leases to ttl from now and returns those that are no
	// longer held: another node took them, or their group was stopped.
	Renew(ctx context.Context, leases []Lease, ttl time.Duration) (lost []Lease, err error)

	// Check returns, without writing, the leases that Renew would call lost.
	Check(ctx context.Context, leases []Lease) (lost []Lease, err error)

	// Expire ends all leases of an owner, so that their items are due again.
	Expire(ctx context.Context, owner string) error

	// Finish removes a completed item. A stale fence is a Conflict error.
	Finish(ctx context.Context, l Lease) error

	// Release gives an item back, to be claimed again after delay. A stale
	// fence is a Conflict error.
	Release(ctx context.Context, l Lease, delay time.Duration) error

	// Enqueue adds an item outside of any other change.
	Enqueue(ctx context.Context, n New) (id int64, err error)

	// StopGroup holds a group's items back and makes its running leases count
	// as lost; StartGroup lets them go on.
	StopGroup(ctx context.Context, group int64) error
	StartGroup(ctx context.Context, group int64) error
}

// Handler works on one item. It must return soon after ctx ends, which
// happens when the lease is lost, the group is stopped or the node shuts down.
//
// A nil error means that the handler has committed its effect and finished the
// item, in its own fenced transaction or by [Leases].Finish. On an error the
// dispatcher releases the item with a growing delay.
type Handler func(ctx context.Context, item Item) error

// Dispatcher decides which node works on which item, and when.
type Dispatcher interface {
	// Handle sets the handler of a kind, with at most parallel items of that
	// kind at once on this node. It must be called before Run.
	Handle(kind string, parallel int, h Handler)

	// Run works until ctx ends, then waits for the handlers to return.
	Run(ctx context.Context) error

	// Wake looks for due items of the kind now rather than at the next poll.
	Wake(kind string)

	// StopGroup ends the contexts of the group's handlers on this node at
	// once; handlers on other nodes end at their next check of the lease.
	StopGroup(group int64)
}
