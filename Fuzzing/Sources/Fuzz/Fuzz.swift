// SPDX-License-Identifier: Apache-2.0
// What libFuzzer calls. FUZZ_TARGET in the environment names the target; `main` is libFuzzer's own.

import Glibc

private let target: FuzzTarget = {
    let name = getenv("FUZZ_TARGET").map { String(cString: $0) } ?? ""
    guard let target = FuzzTarget(rawValue: name) else {
        let names = FuzzTarget.allCases.map(\.rawValue).joined(separator: ", ")
        print("FUZZ_TARGET must be one of \(names), not \"\(name)\"")
        exit(2)
    }
    return target
}()

/// Checks one input; libFuzzer keeps one that the process dies of.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    do throws(PropertyViolation) {
        try target.check(Array(UnsafeBufferPointer(start: start, count: count)))
    } catch {
        fatalError("\(target): \(error)")
    }
    return 0
}
