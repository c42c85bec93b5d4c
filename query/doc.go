// Package query runs SQL over everything that came in: asynchronously, with a
// queue, cancellation, a cache, and results that are read in pages.
//
// A [Service] keeps queries and what they gave. An [Engine] runs one read-only
// statement at a time and knows nothing of queues, caches or storage; the
// sub-packages sqlite, duckdb, trino and sqldb have some. A [Catalog] tells
// which tables a caller has; package catalog makes one of data sources, files
// in volumes and lake paths.
package query
