// SPDX-License-Identifier: Apache-2.0
// The modules that come with mimd.

public import XMPPCore

/// Every module of mimd. A server runs those that its configuration names, in the order of the configuration.
public enum StandardModules {
    /// The types of the modules. Their order here means nothing.
    public static let all: [any XMPPModule.Type] = [
        Roster.self,
        PresenceBroadcast.self,
        ExtensibleSASL.self,
        Bind2.self,
        StreamManagementSettings.self,
        ServiceDiscovery.self,
        EntityCapabilities.self,
        InBandRegistration.self,
        LastActivity.self,
        OfflineMessages.self,
        MessageCarbons.self,
        ClientStateIndication.self,
        PrivateXMLStorage.self,
        VCardTemp.self,
        MessageArchive.self,
        Privacy.self,
        MUCLight.self,
        Blocking.self,
        Ping.self,
        SoftwareVersion.self,
        EntityTime.self,
    ]
}
