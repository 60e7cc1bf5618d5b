//go:build !linux

package c2s

import "log/slog"

// sysConn is nothing: here no stream is eager.
type sysConn = any

// newParker returns nil: here an idle stream keeps its goroutine.
func newParker(*slog.Logger) parker { return nil }
