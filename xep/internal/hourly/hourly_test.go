package hourly

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"
)

func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(context.Background())
		times := 0
		ended := make(chan error)
		go func() {
			ended <- Run(ctx, slog.New(slog.DiscardHandler), func(context.Context) error {
				times++
				return errors.New("try again")
			})
		}()
		time.Sleep(3*time.Hour + time.Minute)
		stop()
		if err := <-ended; err != nil || times != 4 {
			t.Errorf("%d times, %v", times, err)
		}
	})
}
