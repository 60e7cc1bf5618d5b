//go:build !linux

package control

import "fmt"

// maxFolder is the longest name of a folder in which a socket fits into a socket address, 104 bytes on BSD.
const maxFolder = 104 - len("/"+socketName+".new") - 1

// shorten returns a name of the folder that is short enough for the address of a socket in it. It is good until release.
func shorten(folder string) (name string, release func(), err error) {
	if len(folder) > maxFolder {
		return "", nil, fmt.Errorf("control: the name of the data folder is longer than %d bytes: %s", maxFolder, folder)
	}
	return folder, func() {}, nil
}
