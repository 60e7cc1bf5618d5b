// Package hourly is the background of features that only clean up.
package hourly

import (
	"context"
	"log/slog"
	"time"
)

// Run does a job at once and then every hour, until ctx ends. A job that fails is logged and tried again. Run returns nil, as a
// module's Run should that is not to stop the broker.
func Run(ctx context.Context, log *slog.Logger, job func(context.Context) error) error {
	tick := time.NewTicker(time.Hour)
	defer tick.Stop()
	for {
		if err := job(ctx); err != nil && ctx.Err() == nil {
			log.Warn("not cleaned up", "err", err)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}
