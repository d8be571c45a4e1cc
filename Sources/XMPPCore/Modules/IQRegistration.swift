// SPDX-License-Identifier: Apache-2.0
// How modules say who answers which IQ, at a host and at a service domain.

/// Takes the handlers of IQ gets and sets.
public protocol IQRegistration {
    /// Answers gets or sets whose child has this name, at once where the answer is at hand.
    mutating func iq(
        _ type: IQType, _ name: String, _ namespace: Namespace, at target: IQTarget, _ answer: @escaping IQHandler)
}

extension IQRegistration {
    /// Answers gets or sets whose child has this name, at once.
    ///
    /// - Parameter answer: returns the result's child, nil for none.
    public mutating func iq(
        _ type: IQType,
        _ name: String,
        _ namespace: Namespace,
        at target: IQTarget,
        _ answer: @escaping @Sendable (IQRequest) throws(StanzaError) -> Element?
    ) {
        let handler: IQHandler = { request in
            do throws(StanzaError) { return .now(.success(try answer(request))) } catch { return .now(.failure(error)) }
        }
        iq(type, name, namespace, at: target, handler)
    }

    /// Answers gets or sets whose child has this name, after waiting.
    ///
    /// - Parameter answer: returns the result's child, nil for none. What stores throw becomes the error that
    ///   ``StanzaError/init(storage:)`` says.
    public mutating func iq(
        _ type: IQType,
        _ name: String,
        _ namespace: Namespace,
        at target: IQTarget,
        later answer: @escaping @Sendable (IQRequest) async throws -> Element?
    ) {
        let handler: IQHandler = { request in
            .later {
                do { return .success(try await answer(request)) } catch { return .failure(StanzaError(caught: error)) }
            }
        }
        iq(type, name, namespace, at: target, handler)
    }
}
