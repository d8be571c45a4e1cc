// SPDX-License-Identifier: Apache-2.0
// The modules that mimd comes with.

public import XMPPCore

/// Every module of mimd. A server runs those that its configuration names.
public enum StandardModules {
    public static let all: [any XMPPModule.Type] = [
        Roster.self,
        PresenceBroadcast.self,
    ]
}
