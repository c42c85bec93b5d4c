// Package dataset keeps data sources, which are files that users upload or
// give by URL, in datasets.
//
// A [DataSource] is made from an [Upload] or a URL and is Synching until its
// bytes are kept, hashed and looked at; then it is Synched, with the tables
// that were found in it, or Invalid, with the reason. That work is durable:
// after a crash another node, or the same one, goes on with it.
//
// Datasets, data sources and uploads belong to the user who made them. Another
// user of the tenant is refused, and for another tenant they do not exist.
//
// [Service] is what callers use; [Runner] does the work. Storage is behind the
// small interfaces of this package. The model is that of
// 002_b5728707f13cb807.txt.
package dataset
