// Package store is the home of what the domains need from below: error kinds
// (errs), who asks (scope), durable leased work (work), metadata in SQLite and
// PostgreSQL (sqlstore) and sealed credentials (seal).
package store
