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

// lockFolder takes the folder for this process until the file is closed, at the latest when the process ends: the file
// is open for writing and shared for reading only, so a second writer is refused but can read the process's number.
func lockFolder(folder string) (*os.File, error) {
	path := filepath.Join(folder, "lock")
	name, err := syscall.UTF16PtrFromString(path)
	if err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	h, err := syscall.CreateFile(name, syscall.GENERIC_READ|syscall.GENERIC_WRITE, syscall.FILE_SHARE_READ, nil,
		syscall.OPEN_ALWAYS, syscall.FILE_ATTRIBUTE_NORMAL, 0)
	const sharingViolation = syscall.Errno(32)
	if errors.Is(err, sharingViolation) {
		return nil, fmt.Errorf("sqlite: %s is in use by process %s", folder, holder(path))
	}
	if err != nil {
		return nil, fmt.Errorf("sqlite: locking %s: %w", folder, err)
	}
	file := os.NewFile(uintptr(h), path)
	if err = file.Truncate(0); err == nil {
		_, err = fmt.Fprintln(file, os.Getpid())
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("sqlite: locking %s: %w", folder, err), file.Close())
	}
	return file, nil
}

// holder reads the number that the other process wrote. os.Open shares reading and writing.
func holder(path string) string {
	file, err := os.Open(path)
	if err != nil {
		return "unknown"
	}
	defer file.Close()
	pid, _ := io.ReadAll(io.LimitReader(file, 20))
	return strings.TrimSpace(string(pid))
}

// syncFolder does nothing: NTFS logs a renaming by itself.
func syncFolder(string) error { return nil }
