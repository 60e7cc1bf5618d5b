package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"

	"github.com/comity-iot/comity/store/sqlite"
)

const (
	databaseFile = "comity.db"
	secretFile   = "secret.key"
	secretBytes  = 32
)

// makeFolder makes the data folder if need be, for its owner's eyes only. One that is there and holds something keeps its
// permissions, for it may have another use too; its files are private all the same.
func makeFolder(folder string) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	content, err := os.ReadDir(folder)
	if err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	if len(content) == 0 {
		return os.Chmod(folder, 0o700)
	}
	return nil
}

// openStore opens the database of a data folder, and the key file without which parts of it cannot be read. Both are made where
// there are none.
func openStore(ctx context.Context, folder string, log *slog.Logger) (*sqlite.DB, []byte, error) {
	if err := makeFolder(folder); err != nil {
		return nil, nil, err
	}
	secret, err := readSecret(folder)
	if err != nil {
		return nil, nil, err
	}
	db, err := sqlite.Open(ctx, filepath.Join(folder, databaseFile), sqlite.Options{Log: log})
	return db, secret, err
}

// readSecret returns the content of the key file, which it makes for a folder without a database.
func readSecret(folder string) ([]byte, error) {
	path := filepath.Join(folder, secretFile)
	secret, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if secret, err = makeSecret(folder, path); err != nil {
			return nil, err
		}
	}
	if err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, fmt.Errorf("key file: %w", err)
	case runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0:
		return nil, advise(fmt.Errorf("key file: others may read %s (mode %04o)", path, info.Mode().Perm()),
			"If nobody has read it: chmod 600 %s", path)
	case len(secret) < secretBytes:
		return nil, advise(fmt.Errorf("key file: %s holds less than %d bytes", path, secretBytes), "Restore it from your backup.")
	}
	return secret, nil
}

func makeSecret(folder, path string) ([]byte, error) {
	if _, err := os.Stat(filepath.Join(folder, databaseFile)); err == nil {
		return nil, advise(fmt.Errorf("key file: %s is gone, but the database that was written with it is there", path),
			"Restore it from your backup. If it is lost, API keys have to be made anew; to go on without them:\n"+
				"(umask 077; head -c %d /dev/urandom > %s)", secretBytes, path)
	}
	secret := make([]byte, secretBytes)
	rand.Read(secret)
	if err := writeNew(path, secret); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return os.ReadFile(path) // another's, if it was quicker
}

// writeNew writes a private file that must not be there yet. It is there whole or not at all, however the program ends.
func writeNew(path string, content []byte) error {
	return writeWith(path, content, os.Link)
}

// writeOver writes a private file over the one that may be there.
func writeOver(path string, content []byte) error {
	return writeWith(path, content, os.Rename)
}

func writeWith(path string, content []byte, place func(from, to string) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return place(f.Name(), path)
}
