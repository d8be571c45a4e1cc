// SPDX-License-Identifier: Apache-2.0
// What lies in the data directory besides the store: one server's lock, and the certificate that mimd makes.

import Foundation
import Testing
import XMPPCore

@testable import mimd

@Suite struct DataDirectoryTests {
    @Test func oneServerAtATimeHasTheDirectory() throws {
        try withDirectory { path in
            let directory = DataDirectory(path: path + "/below/it")
            let lock = try directory.lock()
            let error = #expect(throws: SetUpError.self) { _ = try directory.lock() }
            #expect(error?.description == "another mimd serves from the data directory \(path)/below/it")
            lock.release()
            try directory.lock().release()
        }
    }

    @Test func aDirectoryThatCannotBeMadeIsNamed() {
        let error = #expect(throws: SetUpError.self) { _ = try DataDirectory(path: "/dev/null/data").lock() }
        #expect(error?.description == "/dev/null/data/lock: Not a directory")
    }

    @Test func aCertificateIsFitUntilItEndsOrAHostIsAdded() throws {
        try withDirectory { path in
            let file = path + "/self-signed.pem"
            let day = Duration.seconds(86_400)
            #expect(!SelfSignedCertificate.isFit(at: file, for: ["localhost"], lasting: .zero))
            try SelfSignedCertificate.write(for: ["localhost", "a.example"], to: file)
            let dayCount = SelfSignedCertificate.validDayCount
            for (domains, rest, expected) in [
                (["localhost"], Duration.zero, true), (["localhost", "a.example"], day * (dayCount - 1), true),
                (["localhost"], day * (dayCount + 1), false), (["localhost", "b.example"], .zero, false),
                (["A.example"], .zero, true), (["sub.a.example"], .zero, false),
                (["localhost"], .seconds(Int64.max), false),
            ] {
                #expect(SelfSignedCertificate.isFit(at: file, for: domains, lasting: rest) == expected)
            }
            let text = try String(contentsOfFile: file, encoding: .utf8)
            try text.replacing("BEGIN PRIVATE KEY", with: "BEGIN NOTHING").write(
                toFile: file, atomically: true, encoding: .utf8)
            #expect(!SelfSignedCertificate.isFit(at: file, for: ["localhost"], lasting: .zero))
        }
    }

    private func withDirectory(_ body: (String) throws -> Void) throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "mimd-data-\(UUID())")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: false)
        defer { #expect(throws: Never.self) { try FileManager.default.removeItem(at: directory) } }
        try body(directory.path())
    }
}

@Suite struct AccountRemovalTests {
    @Test func aContactKeepsWhatItWroteDown() throws {
        let contact = try JID("juliet@a.example")
        let cases: [(RosterItem?, RosterItem?)] = [
            (nil, nil),
            (RosterItem(contact: contact, pending: .in, requestText: "<presence/>"), nil),
            (
                RosterItem(contact: contact, name: "Juliet", pending: .in, requestText: "hello"),
                RosterItem(contact: contact, name: "Juliet")
            ),
            (
                RosterItem(contact: contact, groups: ["Friends"], subscription: .both),
                RosterItem(contact: contact, groups: ["Friends"])
            ),
            (RosterItem(contact: contact, subscription: .from, pending: .out), RosterItem(contact: contact)),
            (RosterItem(contact: contact), RosterItem(contact: contact)),
        ]
        for (old, expected) in cases { #expect(AccountRemoval.withoutSubscription(old) == expected) }
    }
}
