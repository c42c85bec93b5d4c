// Package result keeps the rows of queries in a bucket, so that any page of
// them is one ranged read and needs no encoding.
//
// A small result stays with the query, as JSON rows. A larger one is an object
// of blocks, an index and a footer:
//
//	block   rows as compact JSON arrays, one a line, compressed with zstd
//	index   per block: offset (8 bytes), length (4), rows (4), CRC-32C (4)
//	footer  number of blocks (8), rows (8), CRC-32C of the index (4), "INLR" and
//	        the version as a digit and three blanks (8)
//
// Integers are little-endian. The checksums are of what is stored.
package result
