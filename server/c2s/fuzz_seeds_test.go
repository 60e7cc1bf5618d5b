package c2s_test

import (
	"encoding/base64"
	"strings"
)

// seed is what a client says at a stage.
type seed struct {
	at   stage
	said string
}

const (
	endOfStream = "</stream:stream>"
	askTLS      = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
	askBind     = "<iq id='tn281v37' type='set'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>" // RFC 6120 §7.6.1
	message     = "<message from='juliet@example.com' id='ktx72v49' to='{jid}' type='chat' xml:lang='en'>" +
		"<body>Art thou not Romeo, and a Montague?</body></message>" // RFC 6120 §9.1.4
	abort   = "<abort" + nsSASL + "/>"
	askForm = "<iq type='get' id='reg1' to='example.com'><query xmlns='jabber:iq:register'/></iq>" // XEP-0077#usecases-register
)

func auth(mechanism, data string) string {
	return "<auth" + nsSASL + " mechanism='" + mechanism + "'>" + base64.StdEncoding.EncodeToString([]byte(data)) + "</auth>"
}

// streamSeeds are the documents' examples for each stage, and what ought not to be said at any.
func streamSeeds() []seed {
	password := auth("PLAIN", "\x00juliet\x00secret")
	// A client that waits for nothing. RFC 6120 §9.1
	all := header(domain) + password + header(domain) + askBind + "<presence/>" + message + endOfStream
	seeds := []seed{
		{fresh, all},
		{fresh, strings.Replace(all, "xmlns='jabber:client'", "xmlns='jabber:client' xmlns:p='urn:x'", 2)},
		{fresh, header(domain) + askTLS + "\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03"},
		// RFC 6120 §4.7.1, §4.8.3, §4.9.3
		{fresh, "<?xml version='1.0'?><stream:stream from='juliet@im.example.com' to='example.com' version='1.0' xml:lang='en' " +
			"xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"},
		{fresh, "<stream xmlns='http://etherx.jabber.org/streams' version='1.0'><message xmlns='jabber:client'/></stream>"},
		{fresh, header("example.net")},
		{fresh, strings.Replace(header(domain), "'1.0'", "'11.0'", 2)},
		{fresh, strings.Replace(header(domain), "version='1.0'>", ">", 1)},
		{fresh, strings.Replace(header(domain), "jabber:client", "jabber:server", 1)},
		{fresh, "\xef\xbb\xbf" + header(domain)},
		{fresh, "\xff\xfe<\x00?\x00"},
		{fresh, "<?xml version='1.0' encoding='latin1'?>"},
		{fresh, "<!DOCTYPE lolz [<!ENTITY lol 'lol'>]>" + header(domain)},
		{fresh, "GET / HTTP/1.1\r\nHost: example.com\r\n\r\n"},
		{fresh, "\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03"},
		{headed, askTLS},
		{headed, askTLS + " \n"},
		{headed, askTLS + askForm},
		{headed, password},
		{headed, askForm},
		{plain, password + header(domain) + askBind + "<presence/>" + message + endOfStream},
		{plain, "<auth" + nsSASL + " mechanism='PLAIN'/><response" + nsSASL + ">AGp1bGlldABzZWNyZXQ=</response>"}, // RFC 6120 §6.4.2
		{plain, auth("PLAIN", "juliet@example.com\x00juliet\x00secret") + header(domain)},
		{plain, auth("PLAIN", "romeo@example.com\x00juliet\x00secret") + password},
		{plain, auth("PLAIN", "\x00juliet\x00wrong") + auth("PLAIN", "\x00tybalt\x00secret") + auth("PLAIN", "\x00\x00")},
		{plain, auth("SCRAM-SHA-1", "n,,n=juliet,r=oMsTAAwAAAAMAAAANP0TAAAAAABPU0AA") + abort}, // RFC 6120 §9.1.2
		{plain, auth("SCRAM-SHA-256-PLUS", "p=tls-exporter,,n=juliet,r=oMsTAAwA")},
		{plain, strings.Repeat(abort, 10)},
		{plain, askForm + password},
		{plain, askForm + "<iq type='set' id='r2' to='@'><query xmlns='jabber:iq:register'/></iq><iq type='get' id='r3'/>" + askTLS},
		{plain, auth("PLAIN", "\x00romeo\x00secret") + header(domain) + "<resume xmlns='urn:xmpp:sm:3' h='0' previd='{lost}'/><presence/>"},
		{secured, password + header(domain) + askBind + "<presence/>" + message + endOfStream},
		{secured, auth("SCRAM-SHA-1-PLUS", "p=tls-unique,,n=juliet,r=fyko+d2lbbFgONRv9qkxdawL") + auth("SCRAM-SHA-1", "y,,n=juliet,r=fyko")},
		{secured, askForm + askTLS},
		{challenged, "<response" + nsSASL + ">{response}</response>" + header(domain) + askBind + message + endOfStream},
		{challenged, "<response" + nsSASL + ">Yz1iaXdzLHI9b01zVEFBd0FBQUFNQUFBQU5QMFRBQUFBQUFCUFUwQUE=</response>" + password},
		{challenged, "<response" + nsSASL + "/><response" + nsSASL + ">=</response>" + abort + password},
		{challenged, abort + password + header(domain)},
		{challenged, password + "<response" + nsSASL + ">{response}</response>"},
		{loggedIn, header(domain) + askBind + message + endOfStream},
		{loggedIn, header("example.net")},
		{loggedIn, askBind},
		{restarted, askBind + "<presence/>" + message + "<iq type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>" + endOfStream},
		{restarted, "<iq id='1' type='set'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>balcony</resource></bind></iq>" + askBind}, // §7.7.1
		{restarted, "<iq id='1' type='get'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>"},
		{restarted, "<iq id='1' type='set'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>"},
		{restarted, "<resume xmlns='urn:xmpp:sm:3' h='0' previd='{lost}'/><r xmlns='urn:xmpp:sm:3'/>" + message + "<a xmlns='urn:xmpp:sm:3' h='1'/>"}, // XEP-0198#resumption
		{restarted, "<resume xmlns='urn:xmpp:sm:3' h='7' previd='{lost}'/>" + askBind + "<enable xmlns='urn:xmpp:sm:3' resume='true'/>" + endOfStream},
		{restarted, "<enable xmlns='urn:xmpp:sm:3'/><resume xmlns='urn:xmpp:sm:3' previd='some-long-sm-id'/>"},
		{bound, message + message + "<presence><show>away</show><priority>1</priority></presence><presence type='unavailable'/>" + endOfStream},
		{bound, "<message to='romeo@example.com' type='chat'/><message to='juliet@example.com'/><message to='nobody@example.net'/>"},
		{bound, " \n\t<iq type='get' id='bv1bs71f' to='example.com'><query xmlns='jabber:iq:roster'/></iq> " + endOfStream},
		{bound, "<enable xmlns='urn:xmpp:sm:3'/>" + message + "<r xmlns='urn:xmpp:sm:3'/><a xmlns='urn:xmpp:sm:3' h='1'/>" + endOfStream},
		{bound, "<message from='romeo@example.com' to='juliet@example.com'/>" + message},
		{bound, "<presence from='@'/><iq type='result' id='1' to='@'/><iq type='ask' id='1'/><message type='error'/>"},
		{bound, "<message to='{jid}' xmlns:p='urn:x' p:a='b'><p:x a='&lt;&#x41;' p:a=\"'\"><![CDATA[]]]]>&gt;</p:x><q xmlns=''/></message>"},
		{bound, askBind + password},
		{managed, "<a xmlns='urn:xmpp:sm:3' h='1'/><r xmlns='urn:xmpp:sm:3'/>" + message}, // XEP-0198#acking
		{managed, "<a xmlns='urn:xmpp:sm:3' h='2'/>" + message},
		{managed, "<a xmlns='urn:xmpp:sm:3'/><enable xmlns='urn:xmpp:sm:3'/>"},
		{managed, "<enable xmlns='urn:xmpp:sm:3'/><resume xmlns='urn:xmpp:sm:3' h='0' previd='{lost}'/>" + message + endOfStream},
		{managed, message + endOfStream},
		{managed, "<message to='{jid}'><body>"},
	}
	for at := range stages {
		for _, said := range hostile() {
			seeds = append(seeds, seed{at, said})
		}
	}
	return seeds
}

// hostile is what nobody should say. RFC 6120 §4.9.3, §11.1
func hostile() []string {
	return []string{
		"", " ", endOfStream, endOfStream + message, header(domain), header("example.org"),
		"<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><message>&b;</message>",
		"<?php echo 1 ?>", "<!-- -->", "<![CDATA[text]]>", "text", "&amp;", "<message><!-- --></message>", "<message>&nbsp;</message>",
		"<message xmlns='jabber:server'/>", "<a:b/>", "<message a:b=''/>", "<message a='' a=''/>", "<stream:features/>",
		"<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>", "<a></b>", "</message>",
		"<message><body>\xc3\x28\xff</body></message>", "<message><body>\x00&#0;</body></message>", "<message><body>\xed\xa0\x80",
		strings.Repeat("<message>", 20), "<message>" + strings.Repeat("<a/>", 80), "<message a='" + strings.Repeat("x", 3000),
		"<message to='romeo@example.com' from='romeo@example.com'/>", "<iq type='result' id='1'/>", "<presence/>", message, askForm, askTLS,
		askBind, auth("PLAIN", "\x00romeo\x00secret"), "<r xmlns='urn:xmpp:sm:3'/>", "<enable xmlns='urn:xmpp:sm:3' resume='1'/>",
		"<message><body>I'll send a fri", "<resume xmlns='urn:xmpp:sm:3' h='0' previd='{lost}'/>" + message,
	}
}
