//go:build race

package main

// raced tells that the race detector is on, which takes memory of its own.
const raced = true
