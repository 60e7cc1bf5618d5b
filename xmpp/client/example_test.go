package client_test

import (
	"context"
	"fmt"
	"log"
	"os/signal"
	"syscall"

	"github.com/comity-iot/comity/xmpp/client"
	"github.com/comity-iot/comity/xmpp/jid"
	"github.com/comity-iot/comity/xmpp/stanza"
)

// A program that stays connected until it is told to stop, and prints the messages that it gets.
func ExampleStay() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	config := client.Config{JID: jid.MustParse("juliet@im.example.com"), Password: "r0m30myr0m30"}
	err := client.Stay(ctx, config, func(ctx context.Context, s *client.Session) error {
		s.HandleMessage(stanza.Client, "body", func(m *stanza.Stanza) {
			fmt.Printf("%s: %s\n", m.From, m.Body())
		})
		return s.Send(ctx, stanza.NewPresence(jid.JID{}, stanza.Available))
	})
	log.Print(err)
}
