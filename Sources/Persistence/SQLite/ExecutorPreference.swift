// SPDX-License-Identifier: Apache-2.0
// Calls of tasks that prefer an executor.

/// Does `body` in a task that prefers no executor, if the calling task does prefer one.
///
/// A task with a preference is put back into an actor's queue after every `await` inside the actor, because the actor's
/// thread is not the executor that it prefers. A transaction's body would be interrupted by others between its
/// statements.
func withoutExecutorPreference<Value: Sendable, Failure: Error>(
    _ body: @escaping @Sendable () async throws(Failure) -> Value
) async throws(Failure) -> Value {
    let hasPreference = withUnsafeCurrentTask { $0?.unownedTaskExecutor != nil }
    guard hasPreference else { return try await body() }
    let result = await Task { () async -> Result<Value, Failure> in
        do throws(Failure) { return .success(try await body()) } catch { return .failure(error) }
    }.value
    return try result.get()
}
