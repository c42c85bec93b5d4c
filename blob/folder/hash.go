package folder

import (
	"crypto/sha256"
	"hash"
)

// hasher hashes a piece of an object while it is written. Its goroutine starts
// with the first such piece: most objects are one piece.
type hasher struct {
	hash.Hash
	pieces chan []byte
	done   chan struct{}
}

func newHasher() *hasher { return &hasher{Hash: sha256.New()} }

// begin hashes p in the background; wait must be called before p changes.
func (h *hasher) begin(p []byte) {
	if h.pieces == nil {
		h.pieces, h.done = make(chan []byte), make(chan struct{})
		go func() {
			for p := range h.pieces {
				h.Write(p)
				h.done <- struct{}{}
			}
		}()
	}
	h.pieces <- p
}

func (h *hasher) wait() { <-h.done }

// close ends the goroutine.
func (h *hasher) close() {
	if h.pieces != nil {
		close(h.pieces)
	}
}

func (h *hasher) sum() (sum [sha256.Size]byte) {
	h.Sum(sum[:0])
	return sum
}
