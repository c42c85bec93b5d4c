package main

import (
	"context"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"gocloud.dev/secrets"
	"gocloud.dev/secrets/localsecrets"
)

// keys are what the key file's one secret is stretched to.
type keys struct {
	keeper *secrets.Keeper // seals credentials at rest
	links  []byte          // signs links to files
}

// loadKeys reads the key file in dir, or makes one that only this user can
// read. Whoever loses it loses the stored credentials.
func loadKeys(_ context.Context, dir string) (keys, error) {
	root, err := readKey(filepath.Join(dir, "key"))
	if err != nil {
		return keys{}, err
	}
	seal, err := hkdf.Key(sha256.New, root, nil, "inlet seal v1", 32)
	if err != nil {
		return keys{}, err
	}
	links, err := hkdf.Key(sha256.New, root, nil, "inlet links v1", 32)
	if err != nil {
		return keys{}, err
	}
	return keys{keeper: localsecrets.NewKeeper([32]byte(seal)), links: links}, nil
}

// readKey returns the key in the file, which it makes if there is none. Two
// servers that start at once end up with the same one.
func readKey(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := makeKey(path); err != nil {
			return nil, err
		}
		text, err = os.ReadFile(path)
	}
	if err != nil {
		return nil, err
	}
	key, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(key) != 32 {
		return nil, fmt.Errorf("key file %s is damaged: it must hold 64 hexadecimal digits", path)
	}
	return key, nil
}

// makeKey writes a new key under a name of its own and links it to path, so
// that nobody ever reads half a key.
func makeKey(path string) error {
	key := make([]byte, 32)
	rand.Read(key)
	f, err := os.CreateTemp(filepath.Dir(path), "key-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = fmt.Fprintln(f, hex.EncodeToString(key))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}
