// SPDX-License-Identifier: Apache-2.0
import Testing
import XMPPCore

@Test func versionHasThreeNumbers() {
    #expect(mimdVersion.split(separator: ".").compactMap { Int($0) }.count == 3)
}
