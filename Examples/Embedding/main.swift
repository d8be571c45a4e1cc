// SPDX-License-Identifier: Apache-2.0

import XMPPCore
import XMPPModules
import XMPPPersistenceSQLite

let storage = try await LocalStorage.open(.memory).storage
let configuration = ServerConfiguration(domain: "example.org")
let server = try XMPPServer(configuration: configuration, storage: storage, modules: StandardModules.all)
let romeo = try await server.connect(as: FullJID("romeo@example.org/orchard"))
let juliet = try await server.connect(as: FullJID("juliet@example.org/balcony"))
await romeo.send(Message(to: juliet.jid.jid, body: "Call me but love."))
for await message in juliet.messages {
    print("\(romeo.jid.bare) says: \(message.body ?? "")")
    break
}
