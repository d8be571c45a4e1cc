# SPDX-License-Identifier: Apache-2.0
# A slixmpp client as its users write one, with inboxes for what arrives. It verifies the server's certificate, and
# leaves decisions about subscriptions to the test.

import asyncio
import os
import ssl
import tempfile
from pathlib import Path

import slixmpp

from .inbox import DEADLINE_SECONDS, Inbox
from .scram import exporter_binding

PLUGINS = ["xep_0012", "xep_0030", "xep_0049", "xep_0054", "xep_0055", "xep_0092", "xep_0115", "xep_0191", "xep_0199", "xep_0202", "xep_0203",
           "xep_0280", "xep_0313",
           "xep_0352"]


class LoginFailed(Exception):
    """Carries the condition of the SASL failure, or what else happened instead of a session."""


class Client:
    def __init__(self, server, account, resource=None, mechanism=None, stream_management=False):
        self.server = server
        self.account = account
        jid = account.jid + (f"/{resource}" if resource else "")
        self.xmpp = slixmpp.ClientXMPP(jid, account.password, sasl_mech=mechanism)
        if server.certificate_is_known:
            self.xmpp.ca_certs = Path(server.certificate.path)
        else:
            self.xmpp.ssl_context.check_hostname = False
            self.xmpp.ssl_context.verify_mode = ssl.CERT_NONE
        self.xmpp.auto_authorize = None
        self.xmpp.auto_subscribe = False
        for plugin in PLUGINS + (["xep_0198"] if stream_management else []):
            self.xmpp.register_plugin(plugin)
        name = str(self.xmpp.requested_jid)
        self.messages = Inbox(f"messages of {name}")
        self.presences = Inbox(f"presence of {name}")
        self.subscriptions = Inbox(f"subscription stanzas of {name}")
        self.pushes = Inbox(f"roster pushes of {name}")
        self.carbons = Inbox(f"carbons of {name}")
        self.events = Inbox(f"events of {name}")
        self._outcome = None
        self._listen()

    def _listen(self):
        on = self.xmpp.add_event_handler
        on("message", self.messages.put)
        on("message_error", self.messages.put)
        on("presence", self._sort_presence)
        on("roster_update", lambda iq: self.pushes.put(iq) if iq["type"] == "set" else None)
        on("carbon_received", lambda message: self.carbons.put(("received", message["carbon_received"])))
        on("carbon_sent", lambda message: self.carbons.put(("sent", message["carbon_sent"])))
        for name in ("sm_enabled", "session_resumed", "stanza_acked", "stream_error", "disconnected"):
            on(name, lambda data, name=name: self.events.put((name, data)))
        on("session_start", lambda _: self._settle("session"))
        on("session_resumed", lambda _: self._settle("resumed"))
        on("failed_auth", lambda failure: self._settle(LoginFailed(failure["condition"])))
        for name in ("no_auth", "disconnected", "connection_failed"):
            on(name, lambda data, name=name: self._settle(LoginFailed(f"{name}: {data}")))

    def _sort_presence(self, presence):
        # slixmpp reports <show/> as the type.
        kind = presence.xml.get("type", "available")
        about_subscription = kind in ("subscribe", "subscribed", "unsubscribe", "unsubscribed")
        (self.subscriptions if about_subscription else self.presences).put(presence)

    def _settle(self, outcome):
        if self._outcome is None or self._outcome.done():
            return
        if isinstance(outcome, Exception):
            self._outcome.set_exception(outcome)
        else:
            self._outcome.set_result(outcome)

    @property
    def jid(self):
        """The full JID that the server bound."""
        return self.xmpp.boundjid.full

    @property
    def bare(self):
        return self.xmpp.boundjid.bare

    def bind_channel_by_exporter(self):
        """Gives slixmpp the tls-exporter that Python cannot."""
        descriptor, path = tempfile.mkstemp(dir=self.server.directory, suffix=".keys")
        os.close(descriptor)
        self.xmpp.ssl_context.keylog_filename = path
        mechanisms = self.xmpp.plugin["feature_mechanisms"]
        credentials = mechanisms.sasl_callback

        def callback(required, optional):
            values = credentials(required, optional)
            if "channel_binding" in values:
                values["channel_binding"] = exporter_binding(self.xmpp.socket, Path(path))
            return values

        mechanisms.sasl_callback = callback

    async def connect(self, port=None, direct_tls=False):
        """Connects, logs in and binds. Returns "session" or "resumed"; raises LoginFailed."""
        self.xmpp.enable_direct_tls = direct_tls
        self.xmpp.enable_starttls = not direct_tls
        self._outcome = asyncio.get_running_loop().create_future()
        self.xmpp.connect(self.server.host, port or (self.server.direct_port if direct_tls else self.server.port))
        try:
            return await asyncio.wait_for(self._outcome, DEADLINE_SECONDS)
        except BaseException:
            # It would try again.
            self.xmpp.cancel_connection_attempt()
            self.xmpp.abort()
            raise

    async def come_online(self, **options):
        """From nothing to an available resource that has its roster."""
        await self.connect(**options)
        await self.request(self.xmpp.get_roster())
        await self.announce()
        return self

    async def announce(self, **presence):
        """Sends presence, and waits until the server reflects it (RFC 6121 section 4.2.2)."""
        self.xmpp.send_presence(**presence)
        return await self.presences.take(lambda each: each["from"] == self.jid)

    async def request(self, future):
        """The answer to an IQ. Raises slixmpp.exceptions.IqError."""
        return await asyncio.wait_for(future, DEADLINE_SECONDS)

    def say(self, to, body, **options):
        self.xmpp.send_message(mto=to, mbody=body, mtype=options.pop("mtype", "chat"), **options)

    async def hears(self, body, sender=None):
        """The message with this body."""
        return await self.messages.take(
            lambda each: each["body"] == body and sender in (None, each["from"].full, each["from"].bare))

    async def sees(self, sender, kind="available", **more):
        """Presence of this kind from that bare or full JID."""
        return await self.presences.take(
            lambda each: sender in (each["from"].full, each["from"].bare)
            and each.xml.get("type", "available") == kind and all(each[key] == more[key] for key in more))

    async def pushed(self, contact, **wanted):
        """A roster push whose item for the contact has these values."""
        def matches(iq):
            item = iq["roster"]["items"].get(slixmpp.JID(contact))
            return item is not None and all(item[key] == wanted[key] for key in wanted)

        return (await self.pushes.take(matches))["roster"]["items"][slixmpp.JID(contact)]

    def subscription(self, kind, contact):
        self.xmpp.send_presence(pto=contact, ptype=kind)

    async def subscription_arrives(self, kind, contact):
        return await self.subscriptions.take(lambda each: each["type"] == kind and each["from"].bare == contact)

    async def fence(self, other):
        """Whatever the other client sent me before this has arrived when it returns."""
        token = f"fence {os.urandom(4).hex()}"
        other.say(self.jid, token)
        await self.hears(token)

    def cut(self):
        """Ends the TCP connection; the stream is not closed."""
        self.xmpp.transport.abort()

    async def leave(self):
        """Closes the stream, and waits for the end of the connection."""
        if self.xmpp.is_connected():
            self.xmpp.disconnect()
            await self.events.take(lambda event: event[0] == "disconnected")

    async def close(self):
        self.xmpp.cancel_connection_attempt()
        if self.xmpp.is_connected():
            await self.leave()
        # slixmpp leaves this task behind, and asyncio would complain.
        if self.xmpp._run_out_filters is not None:
            self.xmpp._run_out_filters.cancel()
