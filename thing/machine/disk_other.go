//go:build !linux

package machine

import "errors"

// rootDisk is for systems where it is not known how to ask.
func rootDisk() (free, total uint64, err error) { return 0, 0, errors.ErrUnsupported }
