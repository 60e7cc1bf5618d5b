//go:build !linux

package c2s

import "log/slog"

// newParker returns nil: here an idle stream keeps its goroutine.
func newParker(*slog.Logger) parker { return nil }
