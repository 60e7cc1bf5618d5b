"""A slixmpp client that does what it is told, a JSON object a line on the standard input, and reports what happens, a JSON object
a line on the standard output. It ends when the input does.

A command is {"do": NAME, "id": N, ...} and is answered with {"event": "answer", "id": N, ...}, with "error" where it failed; see
the methods of Commands. What comes unasked has other events: see Reports.
"""

import asyncio
import copy
import json
import sys
import xml.etree.ElementTree as ET

import slixmpp
from slixmpp.exceptions import IqError, IqTimeout
from slixmpp.xmlstream.handler import Callback
from slixmpp.xmlstream.matcher import MatchXPath, StanzaPath


def report(event, **facts):
    print(json.dumps({"event": event, **facts}), flush=True)


def canonical(xml):
    """Text of an element that is the same for the same content, whatever prefixes it was written with (XML C14N 2.0)."""
    xml = copy.copy(xml)
    xml.tail = None  # the text that follows it
    return ET.canonicalize(ET.tostring(xml, encoding="unicode"), rewrite_prefixes=True)


class Reports:
    """What comes unasked."""

    def __init__(self, client):
        self.client = client
        client.register_handler(Callback("any message", MatchXPath("{jabber:client}message"), self.message))
        client.register_handler(Callback("any refusal", StanzaPath("iq@type=error"), self.refusal))
        for event in "roster_update", "connection_failed", "failed_auth", "disconnected", "stream_error":
            client.add_event_handler(event, getattr(self, event))
        for kind in ("available", "away", "chat", "dnd", "xa", "unavailable", "subscribe", "subscribed", "unsubscribe",
                     "unsubscribed", "error", "probe"):
            client.add_event_handler("presence_" + kind, self.presence)
        client.add_event_handler("ssl_invalid_chain", self.untrusted)

    def message(self, m):
        report("message", **{"from": str(m["from"])}, to=str(m["to"]), type=m["type"], body=m["body"], stanza=m["id"],
               condition=m["error"]["condition"] if m["type"] == "error" else "",
               delayed="{urn:xmpp:delay}delay" in [c.tag for c in m.xml], children=[canonical(c) for c in m.xml])

    def refusal(self, iq):
        report("refusal", **{"from": str(iq["from"])}, condition=iq["error"]["condition"], text=iq["error"]["text"])

    def presence(self, p):
        kind = p.xml.get("type", "")
        report("presence", **{"from": str(p["from"])}, to=str(p["to"]), type=kind, show=p["show"], status=p["status"])

    def roster_update(self, iq):
        for item in iq["roster"]:
            report("roster", push=iq["type"] == "set", jid=str(item["jid"]), subscription=item["subscription"], ask=item["ask"],
                   name=item["name"])

    def failed_auth(self, failure):
        report("refused", condition=failure["condition"])

    def untrusted(self, error):
        report("untrusted", error=str(error))
        self.client.abort()

    def connection_failed(self, error):
        report("unreachable", error=str(error))

    def disconnected(self, reason):
        report("disconnected", reason=str(reason or ""))

    def stream_error(self, error):
        report("stream-error", condition=error["condition"], text=error["text"])


class Commands:
    """What the client can be told to do. A method returns the facts of the answer."""

    def __init__(self, client):
        self.client = client

    async def connect(self, port, ca="", tls="starttls"):
        """Connects to this machine, logs in and binds a resource. tls is "starttls", "direct" or "none"."""
        client = self.client
        client.use_ipv6 = False
        client.default_port = port  # slixmpp 1.8.3 forgets the port of an address that is a name
        if ca:
            client.ca_certs = ca
        begun = asyncio.get_running_loop().create_future()

        def settle(resumed, error=None):
            if begun.done():
                pass
            elif error:
                begun.set_exception(error)
            else:
                begun.set_result(resumed)

        client.add_event_handler("session_start", lambda _: settle(False), disposable=True)
        client.add_event_handler("session_resumed", lambda _: settle(True), disposable=True)
        client.add_event_handler("disconnected", lambda why: settle(False, ConnectionError(why or "disconnected")), disposable=True)
        client.connect((client.boundjid.host, port), use_ssl=tls == "direct", force_starttls=tls == "starttls",
                       disable_starttls=tls != "starttls")
        resumed = await begun
        version = client.socket.version() if hasattr(client.socket, "version") else ""
        return {"jid": client.boundjid.full, "tls": version, "resumed": resumed}

    async def manage(self):
        """Has the stream be managed, so that it can be resumed (XEP-0198)."""
        self.client.register_plugin("xep_0198")

    async def cut(self):
        """Loses the connection."""
        self.client.transport.abort()

    async def roster(self):
        """Asks for the roster."""
        iq = await self.client.get_roster()
        return {"items": {str(i["jid"]): i["subscription"] for i in iq["roster"]}}

    async def presence(self, **attributes):
        """Sends presence: type, to, show, status."""
        self.client.send_presence(ptype=attributes.get("type"), pto=attributes.get("to"), pshow=attributes.get("show"),
                                  pstatus=attributes.get("status"))

    async def message(self, to, body, type="chat"):
        """Sends a message."""
        self.client.send_message(mto=to, mbody=body, mtype=type)

    async def raw(self, xml):
        """Sends any text."""
        self.client.send_raw(xml)

    async def canonical(self, xml, declare):
        """Returns the canonical forms of a stanza's children. declare has the namespaces that the stream's header declares."""
        streams = "http://etherx.jabber.org/streams"
        stanza = ET.fromstring(f"<stream:stream xmlns='jabber:client' xmlns:stream='{streams}' {declare}>{xml}</stream:stream>")[0]
        return {"children": [canonical(c) for c in stanza]}

    async def header(self, declare):
        """Has the header of the stream declare more."""
        self.client.stream_header = self.client.stream_header.removesuffix(">") + f" {declare}>"

    async def iq(self, type, xml, to=""):
        """Sends a request and returns what the answer holds."""
        iq = self.client.make_iq(ito=to or None, itype=type)
        iq.xml.append(ET.fromstring(xml))
        answer = await iq.send(timeout=20)
        return {"xml": "".join(canonical(c) for c in answer.xml)}

    async def ping(self, to):
        """Pings (XEP-0199)."""
        return {"seconds": await self.client["xep_0199"].ping(jid=to, timeout=20)}

    async def info(self, to):
        """Asks who somebody is and what they can do (XEP-0030)."""
        info = (await self.client["xep_0030"].get_info(jid=to, timeout=20))["disco_info"]
        return {"identities": [f"{i[0]}/{i[1]}" for i in info["identities"]], "features": sorted(info["features"])}

    async def items(self, to):
        """Asks for items (XEP-0030)."""
        items = (await self.client["xep_0030"].get_items(jid=to, timeout=20))["disco_items"]
        return {"items": [str(i[0]) for i in items["items"]]}

    async def version(self, to):
        """Asks for the software (XEP-0092)."""
        software = (await self.client["xep_0092"].get_version(jid=to, timeout=20))["software_version"]
        return {"name": software["name"], "version": software["version"]}

    async def time(self, to):
        """Asks for the time (XEP-0202)."""
        time = (await self.client["xep_0202"].get_entity_time(to, timeout=20))["entity_time"]
        return {"utc": time.xml.findtext("{urn:xmpp:time}utc")}  # slixmpp 1.8.3 adds a Z to the one there is, and cannot read that

    async def read(self, to, **limits):
        """Reads a thing (XEP-0323); what it says is reported as "reading"."""
        def told(from_jid, result, **facts):
            report("reading", **{"from": str(from_jid)}, result=result, fields=facts.get("fields") or [],
                   node=facts.get("nodeId") or "", text=facts.get("error_msg") or "")
        self.client["xep_0323"].request_data(self.client.boundjid, slixmpp.JID(to), told, nodeIds=limits.get("nodes"),
                                             fields=limits.get("fields"), flags=limits.get("flags") or {})

    async def set(self, to, fields):
        """Controls a thing (XEP-0325) with [name, type, value] triples; what it says is reported as "controlled"."""
        def told(from_jid, result, **facts):
            report("controlled", **{"from": str(from_jid)}, result=result, text=facts.get("error_msg") or "")
        self.client["xep_0325"].set_request(self.client.boundjid, slixmpp.JID(to), told, fields=fields)

    async def close(self):
        """Closes the stream in good order."""
        await self.client.disconnect()


async def obey(commands, line):
    command = json.loads(line)
    name, number = command.pop("do"), command.pop("id")
    try:
        facts = await getattr(commands, name)(**command)
        report("answer", id=number, **(facts or {}))
    except IqError as e:
        report("answer", id=number, error=e.condition, xml=canonical(e.iq.xml))
    except IqTimeout:
        report("answer", id=number, error="no answer")
    except Exception as e:  # whatever it is, the test has to hear of it
        report("answer", id=number, error=f"{type(e).__name__}: {e}")


async def main(jid, password):
    client = slixmpp.ClientXMPP(jid, password)
    client.auto_authorize = client.auto_subscribe = None  # subscriptions are answered as told
    for plugin in "xep_0030", "xep_0092", "xep_0199", "xep_0202", "xep_0323", "xep_0325":
        client.register_plugin(plugin)
    Reports(client)
    commands = Commands(client)
    lines = asyncio.StreamReader(limit=1 << 22)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    report("begun", version=slixmpp.__version__)
    under_way = set()
    while line := await lines.readline():
        task = asyncio.create_task(obey(commands, line))
        under_way.add(task)
        task.add_done_callback(under_way.discard)


asyncio.run(main(sys.argv[1], sys.argv[2]))
