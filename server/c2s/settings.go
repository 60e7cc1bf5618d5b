package c2s

import "time"

// Settings are what an operator may say about client streams.
type Settings struct {
	Listen    []string `toml:"listen" doc:"Addresses for client streams that start in plain and turn on TLS with STARTTLS."`
	ListenTLS []string `toml:"listen_tls" doc:"Addresses for client streams that start with TLS (XEP-0368)."`

	PlaintextLoopback bool `toml:"plaintext_loopback" doc:"Let clients on the loopback interface log in without TLS. For tests only."`

	Negotiation     time.Duration `toml:"negotiation" doc:"Time from connecting to a bound resource."`
	Element         time.Duration `toml:"element" doc:"Time that a client may take for one stanza, once begun."`
	Write           time.Duration `toml:"write" doc:"Time that one write to a client may take before it counts as lost."`
	Attempts        int           `toml:"attempts" doc:"Logins that may fail on one stream."`
	AddressAttempts int           `toml:"address_attempts" doc:"Logins that may fail within ten minutes from one IP address; then none is tried until they are over. Of a thing that makes its own account the first always fails. 0 for no limit."`

	OldBinding bool `toml:"old_channel_binding" doc:"Let clients log in with SCRAM that know only the channel binding tls-unique, which TLS 1.3 does not have. It takes from them, and from clients of the same accounts, the proof that nobody between has removed the offer of channel binding."`

	TrimTLS bool `toml:"trim_tls" doc:"Free the buffers that Go's TLS keeps for idle streams, some 3.5 KiB each, and see half records in them. It reaches into crypto/tls, after a proof at the start that this works."`

	StanzaBytes    int `toml:"stanza_bytes" doc:"Largest stanza, in bytes. At least 10000 (RFC 6120 section 13.12)."`
	StanzaDepth    int `toml:"stanza_depth" doc:"Deepest nesting of elements in a stanza."`
	StanzaNodes    int `toml:"stanza_nodes" doc:"Most elements in a stanza."`
	PreAuthBytes   int `toml:"preauth_bytes" doc:"Largest element before login, in bytes."`
	QueueStanzas   int `toml:"queue_stanzas" doc:"Stanzas that may wait for one session."`
	QueueBytes     int `toml:"queue_bytes" doc:"Bytes that may wait for one session."`
	QueuesBytes    int `toml:"queues_bytes" doc:"Bytes that may wait for all sessions together, beyond the first 64 KiB of each. Where they are used up, a session that needs more ends."`
	Sessions       int `toml:"sessions" doc:"Sessions of one account at a time."`
	PerAddress     int `toml:"per_address" doc:"Streams from one IP address at a time. 0 for no limit."`
	Streams        int `toml:"streams" doc:"Streams at a time. 0 for no limit."`
	StanzasSecond  int `toml:"stanzas_per_second" doc:"Stanzas a second that a stream may send in the long run; what is above waits. 0 for no limit."`
	BytesSecond    int `toml:"bytes_per_second" doc:"Bytes a second that a stream may send in the long run; what is above waits. 0 for no limit."`
	AccountStanzas int `toml:"account_stanzas_per_second" doc:"Stanzas a second that all streams of one account may send together. 0 for no limit."`
	AccountBytes   int `toml:"account_bytes_per_second" doc:"Bytes a second that all streams of one account may send together. 0 for no limit."`
	Burst          int `toml:"burst_seconds" doc:"How many seconds' worth a stream, or an account, may send at once."`
}

// Defaults returns the settings of a broker that was told nothing.
func Defaults() *Settings {
	return &Settings{
		Listen:          []string{":5222"},
		ListenTLS:       []string{":5223"},
		Negotiation:     60 * time.Second,
		Element:         60 * time.Second,
		Write:           30 * time.Second,
		Attempts:        10,
		AddressAttempts: 1000,
		TrimTLS:         true,
		OldBinding:      true,
		StanzaBytes:     256 << 10,
		StanzaDepth:     64,
		StanzaNodes:     8192,
		PreAuthBytes:    16 << 10,
		QueueStanzas:    2000,
		QueueBytes:      4 << 20,
		QueuesBytes:     512 << 20,
		Sessions:        32,
		PerAddress:      1000,
		Streams:         0,
		StanzasSecond:   200,
		BytesSecond:     256 << 10,
		AccountStanzas:  1000,
		AccountBytes:    1 << 20,
		Burst:           10,
	}
}

// Unlimited lifts the limits that a load test from one machine would meet; those that keep memory bounded stay.
func (s *Settings) Unlimited() {
	s.PerAddress, s.Streams, s.AddressAttempts = 0, 0, 0
	s.StanzasSecond, s.BytesSecond, s.AccountStanzas, s.AccountBytes = 0, 0, 0, 0
}

func (s *Settings) streamPace() pace { return pace{s.StanzasSecond, s.BytesSecond, s.Burst} }

func (s *Settings) accountPace() pace { return pace{s.AccountStanzas, s.AccountBytes, s.Burst} }
