// Package contract tests that the HTTP API answers as its OpenAPI document
// says. It is a module of its own so that the validator's dependencies are not
// the library's.
package contract
