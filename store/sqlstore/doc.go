// Package sqlstore keeps everything that Inlet knows in SQLite or PostgreSQL.
//
// [Open] takes one of
//
//	mem:                     SQLite in memory, gone with Close
//	sqlite:PATH              an SQLite file, shared by processes of one machine
//	postgres://USER@HOST/DB  PostgreSQL, shared by any number of nodes
//
// and returns a [Store], which implements the repositories of the domains and
// [work.Leases]. One SQL text serves both databases; what differs is in their
// dialect. Times are kept to the millisecond, and lists compare texts byte by
// byte. A closure given to an Update method holds the database's write lock,
// so it must not call the store.
package sqlstore
