package connector

import (
	"crypto/sha256"
	"sync"
)

// maxSchemas is how many compiled schemas are kept.
const maxSchemas = 100

// schemas compiles specs, and keeps what it compiled last.
type schemas struct {
	compiler Compiler

	mu   sync.Mutex
	kept map[[sha256.Size]byte]Schema // by the hash of the spec
}

func newSchemas(c Compiler) *schemas {
	return &schemas{compiler: c, kept: map[[sha256.Size]byte]Schema{}}
}

// of returns the schema of a definition.
func (s *schemas) of(d *Definition) (Schema, error) {
	key := sha256.Sum256(d.UISpec)
	s.mu.Lock()
	schema := s.kept[key]
	s.mu.Unlock()
	if schema != nil {
		return schema, nil
	}
	schema, err := schemaOf(s.compiler, d)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.kept) >= maxSchemas {
		clear(s.kept) // rare, and they are soon back
	}
	s.kept[key] = schema
	return schema, nil
}
