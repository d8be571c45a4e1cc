// SPDX-License-Identifier: Apache-2.0
// What the benchmarks parse, write and route.

import XMPPCore

/// A chat message as phones send it: a body of 100 bytes, a receipt asked for, a chat state.
public let chatXML =
    "<message to='juliet@example.org/balcony' type='chat' id='a1b2c3d4'><body>"
    + "Lady, by yonder blessed moon I swear that tips with silver all these fruit-tree tops - O, swear not by"
    + "</body><request xmlns='urn:xmpp:receipts'/><active xmlns='http://jabber.org/protocol/chatstates'/></message>"
/// The address of the sender, as a client writes it.
public let addressText = "romeo@example.org/orchard"
