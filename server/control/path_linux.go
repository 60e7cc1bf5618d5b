package control

import (
	"fmt"
	"os"
)

// maxFolder is the longest name of a folder in which a socket fits into a socket address, 108 bytes on Linux.
const maxFolder = 108 - len("/"+socketName+".new") - 1

// shorten returns a name of the folder that is short enough for the address of a socket in it. It is good until release.
func shorten(folder string) (name string, release func(), err error) {
	if len(folder) <= maxFolder {
		return folder, func() {}, nil
	}
	f, err := os.Open(folder)
	if err != nil {
		return "", nil, fmt.Errorf("control: %w", err)
	}
	return fmt.Sprintf("/proc/self/fd/%d", f.Fd()), func() { f.Close() }, nil
}
