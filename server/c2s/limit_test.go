package c2s_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/comity-iot/comity/server/c2s"
	"github.com/comity-iot/comity/xmpp/sasl"
)

// The streams of one account share what the account may send, in whatever proportion; another account has its own.
func TestAccountRate(t *testing.T) {
	set := func(s *c2s.Settings) {
		s.StanzasSecond, s.BytesSecond, s.AccountStanzas, s.AccountBytes, s.Burst = 0, 0, 10, 0, 2
	}
	inTime(t, options{settings: set}, func(t *testing.T, w *world) {
		phone, laptop, other := w.enter("juliet"), w.enter("juliet"), w.enter("romeo")
		begun := time.Now()
		const each = 35
		done := make(chan struct{}, 2)
		for _, c := range []*client{phone, laptop} {
			go func() {
				defer func() { done <- struct{}{} }()
				for i := range each {
					if err := c.conn.Write(raw(c.message(fmt.Sprint(i)))); err != nil {
						t.Error(err)
					}
				}
			}()
			go func() {
				defer func() { done <- struct{}{} }()
				for range each {
					c.expect("message")
				}
			}()
		}
		for range 4 {
			<-done
		}
		// 70 stanzas of which 20 go at once.
		if took := time.Since(begun); took < 4*time.Second || took > 6*time.Second {
			t.Errorf("took %v", took)
		}
		begun = time.Now()
		other.echo("1")
		if took := time.Since(begun); took > 0 {
			t.Errorf("another waited %v", took)
		}
	})
}

// Whoever tries passwords in number is not listened to for a while, on any stream; others are.
func TestGuessing(t *testing.T) {
	set := func(s *c2s.Settings) { plaintext(s); s.AddressAttempts, s.Attempts = 6, 4 }
	inTime(t, options{settings: set}, func(t *testing.T, w *world) {
		for range 2 {
			c := w.dial()
			c.open()
			for range 3 {
				c.failure(c.plain("juliet", "guess"), sasl.NotAuthorized)
			}
			c.send("</stream:stream>")
			c.ends("")
		}
		c := w.dial()
		c.open()
		c.failure(c.plain("juliet", "secret"), sasl.TemporaryAuthFailure)
		here, there := pipeFrom("127.0.0.2:40000")
		w.dials <- there
		elsewhere := w.over(here)
		elsewhere.open()
		if el := elsewhere.plain("juliet", "secret"); el.Local() != "success" {
			t.Errorf("from elsewhere: %s", el)
		}
		time.Sleep(10 * time.Minute)
		c = w.dial()
		c.open()
		if el := c.plain("juliet", "secret"); el.Local() != "success" {
			t.Errorf("ten minutes later: %s", el)
		}
	})
}
