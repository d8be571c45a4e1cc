// SPDX-License-Identifier: Apache-2.0
// What rooms send: messages of occupants, and messages about changes.

import XMPPCore

extension RoomDesk {
    /// Sends a message of an occupant to all occupants, and to the archive.
    ///
    /// - Parameter message: of type groupchat, to the room's bare JID.
    /// - Returns: what must be done before it counts as handled, which may be done on any loop; nil when the room must be
    ///   read first.
    func sendIfInMemory(_ message: Message, from sender: BareJID, to address: BareJID) -> Work? {
        guard let room = roomInMemory(address) else { return nil }
        return send(message, from: sender, to: room)
    }

    /// The same, after reading the room if need be.
    func send(_ message: Message, from sender: BareJID, to address: BareJID) async -> Work {
        do throws(StorageError) {
            guard let room = try await room(address) else { return bounce(message, .itemNotFound) }
            return send(message, from: sender, to: room)
        } catch {
            return bounce(message, StanzaError(storage: error))
        }
    }

    private func send(_ message: Message, from sender: BareJID, to room: Room) -> Work {
        guard room.occupants[sender] != nil else { return bounce(message, .itemNotFound) }
        guard let speaker = memory.speaker(sender, in: room.address) else {
            return bounce(message, StanzaError(.notAcceptable, text: "the address is too long for a resourcepart"))
        }
        guard !deliveries.isFull else {
            return bounce(message, StanzaError(.resourceConstraint, type: .wait, text: "too many messages wait"))
        }
        var sent = message
        if message.id?.isEmpty ?? true { sent.stanza = message.stanza.identified(by: MUCLight.makeName()) }
        sent.from = speaker
        sent.to = nil
        var rest: [Work] = []
        if let archive = host.service((any RoomArchive).self) {
            do throws(StanzaError) {
                let archived = try archive.archive(sent, from: sender, in: room.address)
                sent = archived.message
                rest.append(archived.work)
            } catch {
                // Nobody gets what the archive cannot take: whoever reads it must find what others were told.
                return bounce(message, error)
            }
        }
        deliver(sent, to: room.occupants.keys, of: room.address, &rest)
        return finish(rest)
    }

    private func bounce(_ message: Message, _ error: StanzaError) -> Work {
        let work = host.router.bounce(message.stanza, error)
        guard work.holdsUp else { return work }
        // It would be done on the loop of whoever sent the message.
        let end = Completion()
        host.router.run(
            .later {
                await work.finish()
                end.complete()
            })
        return .underWay(end)
    }

    // MARK: Messages about changes

    /// Messages about a change, for some occupants each.
    struct Notices: Sendable {
        /// What is archived of them: with all that changed, and without the version before.
        var archived: Message
        /// What those get who stay.
        var everybody: Message?
        var stayed: [BareJID] = []
        /// What those get who are told of themselves only, and whether they may read the archive.
        var singles: [(account: BareJID, message: Message, isOccupant: Bool)] = []
        /// Whose doing it is.
        var actor: BareJID
        var room: BareJID
    }

    /// Sends messages about a change. Occupants get them with the name that the archived one has there.
    func send(_ notices: Notices) -> Work {
        var mark: Element?
        var rest: [Work] = []
        if let archive = host.service((any RoomArchive).self) {
            do throws(StanzaError) {
                let archived = try archive.archive(notices.archived, from: notices.actor, in: notices.room)
                mark = archived.mark
                rest.append(archived.work)
            } catch {
                // The change is made, and all are told of it.
                host.logFailure("a change of a room is not archived", error)
            }
        }
        func named(_ message: Message) -> Message {
            guard let mark else { return message }
            var named = message
            named.stanza = named.stanza.adding(mark)
            return named
        }
        if let everybody = notices.everybody {
            deliver(named(everybody), to: notices.stayed, of: notices.room, &rest)
        }
        for single in notices.singles {
            let message = single.isOccupant ? named(single.message) : single.message
            deliver(message, to: CollectionOfOne(single.account), of: notices.room, &rest)
        }
        return finish(rest)
    }

    /// Sends messages that are not archived: those about the end of a room.
    func send(_ messages: [(account: BareJID, message: Message)], of room: BareJID) -> Work {
        var rest: [Work] = []
        for single in messages { deliver(single.message, to: CollectionOfOne(single.account), of: room, &rest) }
        return finish(rest)
    }

    // MARK: Delivery

    /// Sends copies of a message, which share all but the address.
    ///
    /// - Parameter rest: gets what is left of that: only what is under way.
    private func deliver(
        _ message: Message, to accounts: some Sequence<BareJID>, of room: BareJID, _ rest: inout [Work]
    ) {
        var stanza = host.router.fromRoom(message.stanza)
        // Nearly never. No account gets two of these copies, so that none waits for another of them.
        let mayWait = deliveries.hasCopies(of: room)
        for account in accounts {
            stanza.to = account.jid
            copyCount += 1
            var begun: Work?
            if !mayWait || !deliveries.holds(room, for: account) {
                let work = host.router.route(stanza)
                guard work.holdsUp else {
                    if !work.isDone { rest.append(work) }
                    continue
                }
                begun = work
            }
            let copy = RoomDeliveries.Copy(room: room, stanza: stanza, begun: begun)
            rest.append(.underWay(copy.end))
            deliveries.append(copy, for: account)
        }
        while deliveries.addWorker() { host.router.run(.later { [self] in await deliverWaiting() }) }
    }

    private func deliverWaiting() async {
        while let copy = deliveries.next() {
            await (copy.begun ?? host.router.route(copy.stanza)).finish()
            copy.end.complete()
            // It was set by deliver().
            if let account = copy.stanza.to?.bare { deliveries.delivered(copy, for: account) }
        }
    }

    /// What a sender waits for.
    private func finish(_ rest: [Work]) -> Work {
        let work = Work.all(rest)
        // Whoever is faster than stores are is slowed down.
        if deliveries.isLong { return .later { await work.finish() } }
        guard copyCount > Self.copyCountOfTurn else { return work }
        // Others have their turn before the next of this sender's messages.
        copyCount = 0
        return .later { await Task.yield() }.then(work)
    }
}
