// Package export writes results of queries as files: [CSV] and [Parquet].
package export
