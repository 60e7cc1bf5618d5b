//go:build unix

package sqlite

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// lockFolder takes the folder for this process until the file is closed, at the latest when the process ends. The file
// holds the process's number for the error that the next one gets; it stays behind, since removing it would race.
func lockFolder(folder string) (*os.File, error) {
	file, err := os.OpenFile(filepath.Join(folder, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == syscall.EWOULDBLOCK {
		pid, _ := io.ReadAll(io.LimitReader(file, 20))
		err = fmt.Errorf("sqlite: %s is in use by process %s", folder, strings.TrimSpace(string(pid)))
		return nil, errors.Join(err, file.Close())
	}
	if err == nil {
		err = file.Truncate(0)
	}
	if err == nil {
		_, err = fmt.Fprintln(file, os.Getpid())
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("sqlite: locking %s: %w", folder, err), file.Close())
	}
	return file, nil
}

// syncFolder makes a renaming in the folder durable.
func syncFolder(folder string) error {
	file, err := os.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}
