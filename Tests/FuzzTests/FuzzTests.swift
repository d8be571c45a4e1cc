// SPDX-License-Identifier: Apache-2.0
// Random input for what peers' bytes meet first. A few seconds; a seed that found something is kept as an argument.

import Glibc
import Testing

@testable import XMPPCore

/// Seeds that found something once, and a new one for each run; `FUZZ_SEED` in the environment repeats a run.
private let seeds: [UInt64] = [
    1, getenv("FUZZ_SEED").flatMap { UInt64(String(cString: $0)) } ?? .random(in: .min ... .max),
]

private let documents = [
    "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='a'>",
    "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' xmlns:p='urn:p'>"
        + "<message to='a@b/c' type='chat' id='1' xml:lang='en'><body>a&lt;b<![CDATA[<c>]]>\u{E9}\u{1F600}</body></message>"
        + " <iq type='get' id='2'><p:q r='&#10;&amp;' p:s='1'><t xmlns=''/></p:q></iq>\n<presence/></stream:stream>",
]
private let pieces = [
    "<", ">", "/>", "</", "<a>", "</a>", "<a/>", "<p:a ", " xmlns='urn:a'", " xmlns:p='urn:p'", " a='1'", "'", "\"",
    "=",
    "&amp;", "&#x41;", "&#0;", "&a;", "<![CDATA[", "]]>", "<!--", "-->", "<?a", "?>", "<!DOCTYPE a [", "\r\n", "\r",
    " ",
    "</message>", "</stream:stream>", "\u{0}", "\u{FFFE}", "\u{E9}", "stream:", "xml:lang='", "encoding='UTF-16'",
]

/// What a parser made of bytes that came in chunks: the elements' XML, and how it ended.
private func parse(_ chunks: [ArraySlice<UInt8>]) -> (elements: [Element], failure: StreamError.Condition?) {
    let parser = XMLStreamParser(limits: XMLLimits())
    var elements: [Element] = []
    var last: StreamError.Condition?
    for chunk in chunks {
        let (events, failure) = chunk.withUnsafeBufferPointer { parser.feed($0) }
        for case .element(let element) in events { elements.append(element) }
        last = failure?.condition
    }
    return (elements, last)
}

@Suite struct FuzzTests {
    /// However bytes are cut, the same comes of them; and what is written of it parses to the same.
    @Test(arguments: seeds)
    func theParserTakesAnything(_ seed: UInt64) {
        print("FUZZ_SEED=\(seed)")
        var mutator = Mutator(seed: seed, pieces: pieces)
        let header = Array(documents[0].utf8)
        for _ in 0..<4_000 {
            // The end resolves what libxml2 would wait for.
            let document =
                mutator.mutate(Array(mutator.pick(documents).utf8)) + Array("<z/>'\"><z></y>-->?>]]><z/>".utf8)
            let place = mutator.number(below: document.count)
            let whole = parse([document[...]])
            for chunks in [[document[..<place], document[place...]], document.indices.map { document[$0...$0] }] {
                let cut = parse(chunks)
                if cut.failure != whole.failure || cut.elements != whole.elements {
                    Issue.record("seed \(seed): \(String(decoding: document, as: UTF8.self)): \(whole), but cut \(cut)")
                }
            }
            for element in whole.elements {
                var buffer = ByteBuffer()
                buffer.append(header)
                buffer.append(element, inside: .client)
                let again = parse([buffer.bytes[...]])
                if again.elements != [element] {
                    Issue.record("seed \(seed): \(element) was written as something else: \(again)")
                }
            }
        }
    }

    /// What is an address stays the same address when it is prepared again.
    @Test(arguments: seeds)
    func addressesTakeAnything(_ seed: UInt64) {
        var mutator = Mutator(
            seed: seed,
            pieces: [
                "@", "/", ".", "\u{DF}", "\u{3C2}", "\u{3002}", "\u{FF0E}", "\u{FF20}", "\u{5D0}", "\u{301}", "\u{345}",
                "\u{AD}", "\u{130}", "\u{1E9E}", "\u{FDFA}", "\u{1F600}", "\u{0}", "[", "]", "::1", " ", "\u{10A0}",
                "\u{3D3}", "\u{1100}\u{1161}", "\u{2126}", "\u{37A}", "\u{A0}",
            ])
        let addresses = ["juliet@example.com/balcony", "a@b/c", "\u{E9}@\u{E9}.example/\u{E9}", "a@[::1]/b", "b"]
        for _ in 0..<20_000 {
            let text = mutator.mutate(Array(mutator.pick(addresses).utf8))
            // What is no address is not the subject here.
            guard let jid = try? text.withUnsafeBufferPointer({ try JID(utf8: $0) }) else { continue }
            let again = try? JID(jid.description)  // nil fails the comparison
            if again != jid { Issue.record("seed \(seed): \(text) is \(jid), then \(String(describing: again))") }
            #expect(jid.description.utf8.allSatisfy { $0 != 0 })
        }
    }
}
