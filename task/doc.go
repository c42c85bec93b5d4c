// Package task loads files from connectors into volumes, once or on a
// schedule, with pause, resume and retry.
//
// A [Task] names a connector, a [Volume] and what to load. Each time it is due
// it gets a [Run]: the run lists the task's URIs, writes a [File] row for each
// file to load, in chunks, and workers on any node load the chunks. A file is
// visible in its volume when its row says so, and the row says so only after
// its bytes are durable in the managed bucket.
//
// [Service] is what callers use; [Runner] does the work. Storage is behind the
// small interfaces of this package.
package task
