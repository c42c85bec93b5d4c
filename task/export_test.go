package task

import "context"

// Reconcile makes one look of the runner's reconciler.
func Reconcile(ctx context.Context, r *Runner) error { return r.reconcile(ctx) }
