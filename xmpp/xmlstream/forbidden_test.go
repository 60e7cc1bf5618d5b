package xmlstream

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// refusals lists what must be refused inside a stream, below clientHeader, and how.
var refusals = []struct{ input, condition, detail string }{
	// RFC 6120 §11.1: an entity must not accept these
	{`<a><!-- hello --></a>`, RestrictedXML, "comment"},
	{`<!-- hello -->`, RestrictedXML, "comment"},
	{`<!DOCTYPE a>`, RestrictedXML, "document type declaration"},
	{`<a><!DOCTYPE a></a>`, RestrictedXML, "document type declaration"},
	{`<?xml version='1.0'?>`, RestrictedXML, "processing instruction"},
	{`<?php echo ?>`, RestrictedXML, "processing instruction"},
	{`<a><?php echo ?></a>`, RestrictedXML, "processing instruction"},
	{`<a>&nbsp;</a>`, RestrictedXML, "entity reference"},
	{`<a>&ltx;</a>`, RestrictedXML, "entity reference"},
	{`<a>&l;</a>`, RestrictedXML, "entity reference"},
	{`<a>&é;</a>`, RestrictedXML, "entity reference"},
	{`<a b='&lol;'/>`, RestrictedXML, "entity reference"},

	// references
	{`<a>&</a>`, NotWellFormed, "not a name"},
	{`<a>& b</a>`, NotWellFormed, "not a name"},
	{`<a>&lt</a>`, NotWellFormed, "bare ampersand"},
	{`<a>&#;</a>`, NotWellFormed, "malformed character reference"},
	{`<a>&#x;</a>`, NotWellFormed, "malformed character reference"},
	{`<a>&#X41;</a>`, NotWellFormed, "malformed character reference"},
	{`<a>&#4a;</a>`, NotWellFormed, "malformed character reference"},
	{`<a>&#x4g;</a>`, NotWellFormed, "malformed character reference"},
	{`<a>&#0;</a>`, NotWellFormed, "reference to a character that XML does not have"},
	{`<a>&#8;</a>`, NotWellFormed, "reference to a character that XML does not have"},
	{`<a>&#xD800;</a>`, NotWellFormed, "reference to a character that XML does not have"},
	{`<a>&#xFFFE;</a>`, NotWellFormed, "reference to a character that XML does not have"},
	{`<a>&#x110000;</a>`, NotWellFormed, "reference to a character that XML does not have"},
	{`<a>&#x10000000000000041;</a>`, NotWellFormed, "reference to a character that XML does not have"},
	{`<a b='&#1;'/>`, NotWellFormed, "reference to a character that XML does not have"},

	// characters: XML 1.0 §2.2, RFC 6120 §11.6
	{"<a>\x00</a>", NotWellFormed, "control character"},
	{"<a>\x1f</a>", NotWellFormed, "control character"},
	{"<a b='\x01'/>", NotWellFormed, "control character"},
	{"<a><![CDATA[\x08]]></a>", NotWellFormed, "control character"},
	{"<a>\uFFFE</a>", NotWellFormed, "character that XML does not have"},
	{"<a>\uFFFF</a>", NotWellFormed, "character that XML does not have"},
	{"<a b='\uFFFF'/>", NotWellFormed, "character that XML does not have"},
	{"<a>\xff</a>", UnsupportedEncoding, "not UTF-8"},
	{"<a>\x80</a>", UnsupportedEncoding, "not UTF-8"},
	{"<a>\xc3</a>", UnsupportedEncoding, "not UTF-8"},
	{"<a>\xc0\xbc</a>", UnsupportedEncoding, "not UTF-8"},         // overlong <
	{"<a>\xe0\x80\xbc</a>", UnsupportedEncoding, "not UTF-8"},     // overlong <
	{"<a>\xed\xa0\x80</a>", UnsupportedEncoding, "not UTF-8"},     // a surrogate
	{"<a>\xf4\x90\x80\x80</a>", UnsupportedEncoding, "not UTF-8"}, // beyond U+10FFFF
	{"<a b='\xfe'/>", UnsupportedEncoding, "not UTF-8"},
	{"<a><![CDATA[\xfe]]></a>", UnsupportedEncoding, "not UTF-8"},
	{"<\xff/>", UnsupportedEncoding, "not UTF-8"},
	{"<a\xff/>", UnsupportedEncoding, "not UTF-8"},

	// text
	{`<a>]]></a>`, NotWellFormed, "]]> in text"},
	{`<a>&lt;]]></a>`, NotWellFormed, "]]> in text"},
	{`<a>]]]]></a>`, NotWellFormed, "]]> in text"},
	{`<a><![CDATA[b]]>]]></a>`, NotWellFormed, "]]> in text"},
	{`hello`, BadFormat, "text between elements"},
	{`<a/>hello<b/>`, BadFormat, "text between elements"},
	{`&lt;`, BadFormat, "text between elements"},
	{`]`, BadFormat, "text between elements"},
	{"\uFEFF<a/>", BadFormat, "text between elements"},
	{`<![CDATA[hello]]>`, BadFormat, "text between elements"},
	{`<a><![CDAT[]]></a>`, NotWellFormed, "unknown markup"},
	{`<a><!ENTITY b 'c'></a>`, NotWellFormed, "unknown markup"},
	{`<a><!-b></a>`, NotWellFormed, "unknown markup"},
	{`<![cdata[hello]]>`, NotWellFormed, "unknown markup"},

	// tags
	{`<a></b>`, NotWellFormed, "end tag does not match"},
	{`<a></aa>`, NotWellFormed, "end tag does not match"},
	{`<aa></a>`, NotWellFormed, "end tag does not match"},
	{`<a></A>`, NotWellFormed, "end tag does not match"},
	{`<a></ a>`, NotWellFormed, "end tag does not match"},
	{`<a></a b='c'>`, NotWellFormed, "end tag does not match"},
	{`<a></a/>`, NotWellFormed, "end tag does not match"},
	{`</a>`, NotWellFormed, "end tag does not match"},
	{`</stream:streams>`, NotWellFormed, "end tag does not match"},
	{`</stream>`, NotWellFormed, "end tag does not match"},
	{`<a><b></a></b>`, NotWellFormed, "end tag does not match"},
	{`<p:a xmlns:p='urn:x' xmlns:q='urn:x'></q:a>`, NotWellFormed, "end tag does not match"},
	{`< a/>`, NotWellFormed, "no name behind <"},
	{`<>`, NotWellFormed, "no name behind <"},
	{`<=a/>`, NotWellFormed, "no name behind <"},
	{`<1a/>`, NotWellFormed, "no name behind <"},
	{`<-a/>`, NotWellFormed, "no name behind <"},
	{`<.a/>`, NotWellFormed, "no name behind <"},
	{`<:a/>`, NotWellFormed, "no name behind <"},
	{"<\u00B7a/>", NotWellFormed, "not a name"},
	{"<\u00D7a/>", NotWellFormed, "character that is not for names"},
	{"<a\u037E/>", NotWellFormed, "character that is not for names"},
	{"<a\u2000/>", NotWellFormed, "character that is not for names"},
	{"<a\U000F0000/>", NotWellFormed, "character that is not for names"},
	{`<a:/>`, NotWellFormed, "not a name"},
	{`<a:1/>`, NotWellFormed, "not a name"},
	{`<a:b:c/>`, NotWellFormed, "two colons in a name"},
	{`<a/ >`, NotWellFormed, "/ inside a tag"},
	{`<a/b/>`, NotWellFormed, "/ inside a tag"},
	{`<a<b/>`, NotWellFormed, "no white space before an attribute"},
	{`<a!/>`, NotWellFormed, "no white space before an attribute"},

	// attributes
	{`<a b/>`, NotWellFormed, "attribute without a value"},
	{`<a b c='d'/>`, NotWellFormed, "attribute without a value"},
	{`<a b=/>`, NotWellFormed, "value without quotes"},
	{`<a b=c/>`, NotWellFormed, "value without quotes"},
	{`<a b='<'/>`, NotWellFormed, "< in a value"},
	{`<a b='c'd='e'/>`, NotWellFormed, "no white space before an attribute"},
	{`<a ='b'/>`, NotWellFormed, "no attribute where one could be"},
	{`<a 1='b'/>`, NotWellFormed, "no attribute where one could be"},
	{`<a b:='c'/>`, NotWellFormed, "not a name"},
	{`<a xmlns:='c'/>`, NotWellFormed, "not a name"},
	{`<a b='1' b='1'/>`, NotWellFormed, "attribute given twice"},
	{`<a b='1' c='' b='2'/>`, NotWellFormed, "attribute given twice"},
	{`<a xmlns='urn:x' xmlns='urn:y'/>`, NotWellFormed, "attribute given twice"},
	{`<a xml:lang='en' xml:lang='de'/>`, NotWellFormed, "attribute given twice"},
	{`<a xmlns:p='urn:x' xmlns:q='urn:x' p:b='1' q:b='2'/>`, NotWellFormed, "attribute given twice"},
	{`<a xmlns:p='urn:x' p:b='1' q:b='2' xmlns:q='urn:&#x78;'/>`, NotWellFormed, "attribute given twice"},
	{`<a xmlns:s='http://etherx.jabber.org/streams' stream:b='1' s:b='2'/>`, NotWellFormed, "attribute given twice"},

	// namespaces: RFC 6120 §11.3, Namespaces in XML 1.0
	{`<p:a/>`, BadNamespacePrefix, "undeclared prefix"},
	{`<a p:b='c'/>`, BadNamespacePrefix, "undeclared prefix"},
	{`<a><b xmlns:p='urn:x'/><p:c/></a>`, BadNamespacePrefix, "undeclared prefix"},
	{`<a xmlns:p='urn:x'/><p:c/>`, BadNamespacePrefix, "undeclared prefix"},
	{`<xmlns:a/>`, BadNamespacePrefix, "undeclared prefix"},
	{`<a xmlns:p=''/>`, NotWellFormed, "prefix undeclared"},
	{`<a xmlns:stream=''/>`, NotWellFormed, "prefix undeclared"},
	{`<a xmlns:xmlns='urn:x'/>`, NotWellFormed, "declaration of the prefix xmlns"},
	{`<a xmlns:xmlns='http://www.w3.org/2000/xmlns/'/>`, NotWellFormed, "declaration of the prefix xmlns"},
	{`<a xmlns:xml='urn:x'/>`, NotWellFormed, "the prefix xml and its namespace go only together"},
	{`<a xmlns:p='http://www.w3.org/XML/1998/namespace'/>`, NotWellFormed, "the prefix xml and its namespace go only together"},
	{`<a xmlns='http://www.w3.org/XML/1998/namespace'/>`, NotWellFormed, "reserved namespace as default"},
	{`<a xmlns='http://www.w3.org/2000/xmlns/'/>`, NotWellFormed, "reserved namespace as default"},
	{`<a xmlns='http&#58;//www.w3.org/2000/xmlns/'/>`, NotWellFormed, "reserved namespace as default"},
	{`<a xmlns:p='http://www.w3.org/2000/xmlns/'/>`, NotWellFormed, "prefix for the namespace of declarations"},
}

func TestRefusedInStream(t *testing.T) {
	for _, c := range refusals {
		tok := NewTokenizer(Limits{})
		fill(tok, clientHeader+c.input)
		var err error
		for err == nil {
			var kind Kind
			if kind, err = tok.Next(); err == nil && (kind == More || kind == End) {
				break
			}
		}
		checkRefusal(t, c.input, err, c.condition, c.detail)
		if _, again := tok.Next(); again != err {
			t.Errorf("%q: then %v", c.input, again)
		}
		if again := tok.Reset(); again != err {
			t.Errorf("%q: reset says %v", c.input, again)
		}
	}
}

func checkRefusal(t *testing.T, input string, err error, condition, detail string) {
	t.Helper()
	var refused *SyntaxError
	if !errors.As(err, &refused) {
		t.Errorf("%q: want %s, got %v", input, condition, err)
		return
	}
	if refused.Condition != condition || refused.Detail != detail {
		t.Errorf("%q: want %s (%s), got %v", input, condition, detail, err)
	}
	if text := err.Error(); !strings.Contains(text, fmt.Sprint(refused.Offset)) {
		t.Errorf("%q: no offset in %q", input, text)
	}
}

func TestRefusedBeforeHeader(t *testing.T) {
	for _, c := range []struct{ input, condition, detail string }{
		{` <?xml version='1.0'?>`, RestrictedXML, "processing instruction"},
		{`<?xml version='1.0'?><?xml version='1.0'?>`, RestrictedXML, "processing instruction"},
		{`<?xml-stylesheet href='a'?>`, RestrictedXML, "processing instruction"},
		{`<?xsl`, RestrictedXML, "processing instruction"},
		{`<? xml version='1.0'?>`, RestrictedXML, "processing instruction"},
		{`<!DOCTYPE stream>`, RestrictedXML, "document type declaration"},
		{`<?xml version='1.0'?><!--a-->`, RestrictedXML, "comment"},
		{`<?xml?>`, NotWellFormed, "malformed XML declaration"},
		{`<?xml version='1.1'?>`, NotWellFormed, "malformed XML declaration"},
		{`<?xml version=1.0?>`, NotWellFormed, "malformed XML declaration"},
		{`<?xml version='1.0">`, NotWellFormed, "malformed XML declaration"},
		{`<?xml version='1.0'>`, NotWellFormed, "malformed XML declaration"},
		{`<?xml encoding='UTF-8'?>`, NotWellFormed, "malformed XML declaration"},
		{`<?xml version='1.0'encoding='UTF-8'?>`, NotWellFormed, "malformed XML declaration"},
		{`<?xml version='1.0' standalone='maybe'?>`, NotWellFormed, "malformed XML declaration"},
		{`<?xml version='1.0' standalone='yes' encoding='UTF-8'?>`, NotWellFormed, "malformed XML declaration"},
		{`<?xml version='1.0' ` + strings.Repeat(" ", 300) + `?>`, NotWellFormed, "XML declaration too long"},
		{`<?xml version='1.0' encoding='ISO-8859-1'?>`, UnsupportedEncoding, "encoding declared other than UTF-8"},
		{`<?xml version='1.0' encoding='UTF-16' standalone='yes'?>`, UnsupportedEncoding, "encoding declared other than UTF-8"},
		{"\xff\xfe<\x00", UnsupportedEncoding, "not UTF-8"},            // UTF-16 with its mark
		{"\x00<\x00s", UnsupportedEncoding, "not UTF-8"},               // UTF-16 without
		{"<\x00s\x00", UnsupportedEncoding, "not UTF-8"},               // and the other way round
		{"\uFEFF<a/>", NotWellFormed, "text before the first element"}, // RFC 6120 §11.6: this is no mark
		{`GET / HTTP/1.1`, NotWellFormed, "text before the first element"},
		{`</stream:stream>`, NotWellFormed, "end tag without a start tag"},
		{`<![CDATA[a]]>`, NotWellFormed, "unknown markup"},
		{`<stream:stream xmlns='jabber:client'>`, BadNamespacePrefix, "undeclared prefix"},
		{"\x16\x03\x01", NotWellFormed, "character that XML does not have"}, // TLS
	} {
		tok := NewTokenizer(Limits{})
		fill(tok, c.input)
		_, err := tok.Next()
		checkRefusal(t, c.input, err, c.condition, c.detail)
	}
}

func TestDeclarationAccepted(t *testing.T) {
	for _, decl := range []string{
		"",
		"\n ",
		`<?xml version='1.0'?>`,
		`<?xml version="1.0" encoding="UTF-8"?>`,
		`<?xml version='1.0' encoding='utf-8' standalone='yes'?>` + "\r\n",
		`<?xml version = '1.0' standalone= "no" ?>`,
	} {
		tok := NewTokenizer(Limits{})
		fill(tok, decl+clientHeader)
		if kind, err := tok.Next(); kind != Header || err != nil {
			t.Errorf("%q: %v, %v", decl, kind, err)
		}
	}
}

func TestRefusedDocuments(t *testing.T) {
	for _, c := range []struct{ input, condition, detail string }{
		{``, NotWellFormed, "document ends early"},
		{`  `, NotWellFormed, "document ends early"},
		{`<`, NotWellFormed, "document ends early"},
		{`<a>`, NotWellFormed, "document ends early"},
		{`<a/><b/>`, NotWellFormed, "more than one root element"},
		{`<a/> b`, NotWellFormed, "more than one root element"},
		{`b<a/>`, NotWellFormed, "text before the first element"},
		{`<a/><!-- b -->`, RestrictedXML, "comment or processing instruction"},
		{`<a/><?b?>`, RestrictedXML, "comment or processing instruction"},
		{`</a>`, NotWellFormed, "end tag without a start tag"},
		{`<stream:a/>`, BadNamespacePrefix, "undeclared prefix"},
	} {
		_, err := Parse([]byte(c.input), Limits{})
		checkRefusal(t, c.input, err, c.condition, c.detail)
	}
}

// malformed returns documents of which most must be refused.
func malformed() []string {
	var docs []string
	for _, c := range refusals {
		docs = append(docs, c.input, "<r xmlns:stream='urn:s'>"+c.input+"</r>")
	}
	return docs
}
