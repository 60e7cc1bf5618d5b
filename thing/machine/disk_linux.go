package machine

import "syscall"

// rootDisk returns what is left to those who are not root, and the whole. statfs(2)
func rootDisk() (free, total uint64, err error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs("/", &s); err != nil {
		return 0, 0, err
	}
	return s.Bavail * uint64(s.Bsize), s.Blocks * uint64(s.Bsize), nil
}
