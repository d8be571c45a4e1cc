// SPDX-License-Identifier: Apache-2.0
// From the configuration of hosts to hosts with their modules.

/// Makes the hosts of a server.
struct HostAssembly {
    let configuration: ServerConfiguration
    let router: Router
    let services: HostServices
    let modules: [any XMPPModule.Type]

    func makeHosts(_ storage: (HostConfiguration) -> Storage) throws -> [Host] {
        guard !configuration.hosts.isEmpty else { throw ServerError.noHosts }
        var hosts: [Host] = []
        for settings in configuration.hosts {
            guard let address = try? BareJID(settings.domain), address.localpart == nil else {  // the error names it
                throw ServerError.invalidDomain(settings.domain)
            }
            let host = Host(
                address: address,
                configuration: settings,
                server: configuration,
                storage: storage(settings),
                router: router,
                services: services
            )
            host.install(try makeModules(of: host))
            router.add(host)
            hosts.append(host)
        }
        try checkServiceDomains(of: hosts)
        return hosts
    }

    private func checkServiceDomains(of hosts: [Host]) throws(ServerError) {
        var taken = Set(hosts.map(\.address))
        for service in hosts.flatMap(\.serviceDomains) {
            guard taken.insert(service.address).inserted else { throw .serviceDomainTaken("\(service.address)") }
        }
    }

    private func makeModules(of host: Host) throws -> Registrar {
        var registrar = Registrar()
        let names = Set(host.configuration.modules.map(\.name))
        for module in host.configuration.modules {
            guard let type = modules.first(where: { $0.manifest.name == module.name }) else {
                throw ServerError.moduleUnknown(module.name, at: "\(module.location)")
            }
            for needed in type.manifest.requirements where !names.contains(needed) {
                throw ServerError.moduleMissing(needed, neededBy: module.name)
            }
            try register(type, module, host, &registrar)
        }
        return registrar
    }

    private func register<Module: XMPPModule>(
        _ type: Module.Type,
        _ module: ModuleConfiguration,
        _ host: Host,
        _ registrar: inout Registrar
    ) throws {
        let options = try module.options(Module.Options.self)
        do throws(ModuleError) {
            try Module(options: options, host: host).register(in: &registrar)
        } catch {
            throw ServerError.module(module.name, reason: error.description)
        }
    }

    func makeAuthenticators(_ hosts: [Host]) throws -> [String: Authenticator] {
        let secret = try configuration.secret ?? Crypto.randomBytes(count: 32)
        return Dictionary(
            uniqueKeysWithValues: hosts.map { ($0.configuration.domain, Authenticator($0, decoySecret: secret)) }
        )
    }
}
