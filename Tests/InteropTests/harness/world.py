# SPDX-License-Identifier: Apache-2.0
# What a test has: a server, accounts of its own on it, and clients that are closed when it ends.

import asyncio
import contextlib
import itertools
from dataclasses import dataclass
from xml.sax.saxutils import escape

from .chat import Chat
from .client import Client
from .process import START_SECONDS_MAX
from .raw import RawStream

REGISTER = "jabber:iq:register"
CLOSE_SECONDS_MAX = 10


@dataclass(frozen=True)
class Account:
    username: str
    password: str
    domain: str

    @property
    def jid(self):
        return f"{self.username}@{self.domain}"


class World:
    def __init__(self, server):
        self.server = server
        self._open = []

    def unused_account(self, name="romeo"):
        """An account that nobody has registered."""
        return Account(f"{name}-{self.server.next_account_number()}", f"{name}'s \N{KEY} secret", self.server.domain)

    async def account(self, name="romeo"):
        """A registered account."""
        account = self.unused_account(name)
        stream = await self.raw()
        answer = await stream.request("set", registration(account))
        assert answer.get("type") == "result", answer
        await stream.close()
        return account

    async def account_once_it_listens(self):
        """A registered account on a server of which it is not known whether it listens yet."""
        async with asyncio.timeout(START_SECONDS_MAX):
            while True:
                with contextlib.suppress(ConnectionRefusedError):
                    return await self.account()

    def client(self, account, resource=None, **options):
        """A slixmpp client that is not connected."""
        client = Client(self.server, account, resource, **options)
        self._open.append(client)
        return client

    async def online(self, account, resource=None, **options):
        return await self.client(account, resource, **options).come_online()

    async def couple(self, **options):
        """Romeo and Juliet: two accounts, online, who know nothing of each other."""
        romeo = await self.online(await self.account("romeo"), "orchard", **options)
        juliet = await self.online(await self.account("juliet"), "balcony", **options)
        return romeo, juliet

    async def chat(self):
        """Two clients that go on chatting while something else happens to the server: `async with await world.chat():`."""
        romeo, juliet = await self.raw(), await self.raw()
        await romeo.log_in(await self.account("romeo"), "orchard")
        await juliet.log_in(await self.account("juliet"), "balcony")
        return Chat(romeo, juliet)

    async def friends(self):
        """Romeo and Juliet, online, subscribed to each other's presence."""
        romeo, juliet = await self.couple()
        await befriend(romeo, juliet)
        return romeo, juliet

    async def raw(self, tls_version=None):
        """A raw stream after STARTTLS, before authentication."""
        return await self.raw_unsecured(tls_version).secure()

    def raw_unsecured(self, tls_version=None, kind=RawStream):
        """A raw stream that is not connected."""
        stream = kind(self.server, tls_version)
        self._open.append(stream)
        return stream

    async def close(self):
        # asyncio may wait for ever for the end of TLS on a connection that is gone.
        closing = [asyncio.wait_for(each.close(), CLOSE_SECONDS_MAX) for each in reversed(self._open)]
        results = await asyncio.gather(*closing, return_exceptions=True)
        for error in itertools.islice((each for each in results if isinstance(each, Exception)), 1):
            print(f"closing a client: {error!r}")


def registration(account):
    return (f"<query xmlns='{REGISTER}'><username>{escape(account.username)}</username>"
            f"<password>{escape(account.password)}</password></query>")


async def befriend(one, other):
    """Subscribes each to the other's presence, the way that RFC 6121 section 3.1 tells it."""
    for asker, asked in ((one, other), (other, one)):
        asker.subscription("subscribe", asked.bare)
        await asked.subscription_arrives("subscribe", asker.bare)
        asked.subscription("subscribed", asker.bare)
        await asker.subscription_arrives("subscribed", asked.bare)
        await asker.sees(asked.jid)
    for client, contact in ((one, other), (other, one)):
        await client.pushed(contact.bare, subscription="both")
