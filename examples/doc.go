// Package examples shows Inlet in use, one whole program per file. The
// commands quickstart and server are in folders of their own.
package examples
