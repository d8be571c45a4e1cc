// SPDX-License-Identifier: Apache-2.0
// How SASL messages travel as XML character data: RFC 6120 section 6.4.2 and section 6.4.4, XEP-0388 section 2.3.

/// The text of `<auth/>`, `<response/>`, `<challenge/>`, `<success/>` and their XEP-0388 counterparts.
public enum SASLPayload {
    /// What an element with nothing in it means.
    public enum EmptyElement: Sendable {
        /// No message at all; `=` stands for a message of zero bytes (`<auth/>`, RFC 6120 section 6.4.2).
        case meansNoMessage
        /// A message of zero bytes (`<response/>`, and every element of XEP-0388, where no message is no element).
        case meansEmptyMessage
    }

    /// The message in an element's text, or nil for none.
    ///
    /// - Throws: `SASLFailure.incorrectEncoding` when the client sent something that is not strict Base 64.
    public static func decode(
        _ text: some Collection<UInt8>, emptyElement: EmptyElement
    ) throws(SASLFailure) -> [UInt8]? {
        if text.isEmpty {
            switch emptyElement {
            case .meansNoMessage: return nil
            case .meansEmptyMessage: return []
            }
        }
        // RFC 6120 section 6.4.2: a message of zero length is a single equals sign.
        if text.elementsEqual([UInt8(ascii: "=")]) { return [] }
        guard let message = Base64.decode(text) else { throw .incorrectEncoding }
        return message
    }
}
