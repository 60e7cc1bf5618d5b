"""Reads what a server sent on streams, a file each, with the expat parser, which shares no code with the server, and prints what it
saw of each as a line of JSON, with "error" where it is no XMPP: XML that is not well-formed or has namespaces that are not
declared, XML that streams may not hold (RFC 6120 §11), a header without its attributes (§4.7), a stanza without its (§8.1, §8.2).
"elements" are those below the stream's, as trees of {"name", "attributes", "content"}, with "namespace local" for a name, and {"text"}.
"""

import json
import sys
from collections import Counter
from xml.parsers import expat

STREAMS = "http://etherx.jabber.org/streams"
CLIENT = "jabber:client"
RESTARTS = {"urn:ietf:params:xml:ns:xmpp-sasl success", "urn:ietf:params:xml:ns:xmpp-tls proceed"}
IQ_TYPES = {"get", "set", "result", "error"}


class NotXMPP(Exception):
    """Says what rule was broken."""


class Stream:
    """One stream: a document that may go on for ever."""

    def __init__(self, seen, elements):
        self.seen = seen
        self.contents = [elements]  # of the stream and the elements that are open
        self.depth = 0
        self.restart = self.ended = False
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.StartElementHandler = self.start
        self.parser.EndElementHandler = self.end
        self.parser.CharacterDataHandler = self.text
        self.parser.XmlDeclHandler = self.declaration
        for handler, what in (("CommentHandler", "a comment"), ("ProcessingInstructionHandler", "a processing instruction"),
                              ("StartDoctypeDeclHandler", "a document type"), ("EntityDeclHandler", "an entity"),
                              ("SkippedEntityHandler", "a reference to an entity")):
            setattr(self.parser, handler, self.forbid(what))

    @staticmethod
    def forbid(what):
        def handler(*_):
            raise NotXMPP(f"{what} in the stream. RFC 6120 §11.1")
        return handler

    def declaration(self, version, encoding, _):
        if version != "1.0" or (encoding or "utf-8").lower() != "utf-8":
            raise NotXMPP(f"XML {version} in {encoding}. RFC 6120 §11.4, §11.6")

    def start(self, name, attributes):
        self.depth += 1
        if self.depth == 1:
            if name != f"{STREAMS} stream" or attributes.get("version") != "1.0" or not attributes.get("id") \
                    or not attributes.get("from"):
                raise NotXMPP(f"stream header {name} {attributes}. RFC 6120 §4.7")
        elif self.depth == 2:
            self.seen[name.replace(CLIENT + " ", "")] += 1
            self.restart = name in RESTARTS
            if name == f"{CLIENT} iq" and (attributes.get("type") not in IQ_TYPES or not attributes.get("id")):
                raise NotXMPP(f"iq {attributes}. RFC 6120 §8.2.3")
            if name.startswith(CLIENT + " ") and attributes.get("type") == "":
                raise NotXMPP(f"{name} with an empty type")
        if self.depth > 1:
            element = {"name": name, "attributes": attributes, "content": []}
            self.contents[-1].append(element)
            self.contents.append(element["content"])

    def end(self, name):
        self.depth -= 1
        self.ended = self.depth == 0
        self.contents.pop()

    def text(self, text):
        if self.depth == 1 and text.strip():
            raise NotXMPP(f"text between stanzas: {text!r}")
        content = self.contents[-1]
        if self.depth > 1 and content and "text" in content[-1]:
            content[-1]["text"] += text
        elif self.depth > 1:
            content.append({"text": text})


def read(octets):
    """Reads octet by octet, so that nothing that follows a restart reaches the parser of the stream before it."""
    seen, elements = Counter(), []
    stream, streams = Stream(seen, elements), 1
    at = 0
    try:
        for at in range(len(octets)):
            stream.parser.Parse(octets[at:at + 1])
            if stream.restart and stream.depth == 1:
                stream, streams = Stream(seen, elements), streams + 1
        if stream.ended:
            stream.parser.Parse(b"", True)
    except (expat.ExpatError, NotXMPP) as e:
        return {"error": str(e), "before": octets[max(0, at - 400):at + 1].decode(errors="replace")}
    return {"octets": len(octets), "streams": streams, "ended": stream.ended, "seen": seen, "elements": elements}


for name in sys.argv[1:]:
    with open(name, "rb") as file:
        print(json.dumps({"file": name, **read(file.read())}))
