package transport

// ProveResume is what ReadsResume does once for each version.
var ProveResume = proveResume
