import Synchronization

/// Wakes those who sleep until there is something to do.
package final class Bell: Sendable {
    private struct State {
        var rings: UInt64 = 0
        var next: UInt64 = 0
        var sleepers: [UInt64: Task<Void, Never>] = [:]
    }

    private let state = Mutex(State())

    package init() {}

    /// How often it rang. Whoever looks for work first reads this, so that a ring between the look and the sleep is not lost.
    package var rings: UInt64 { state.withLock { $0.rings } }

    package func ring() {
        let sleepers = state.withLock { state in
            state.rings += 1
            return Array(state.sleepers.values)
        }
        for sleeper in sleepers { sleeper.cancel() }
    }

    /// Returns at the next ring after `heard`, after a time, or when the caller's task is cancelled.
    package func wait(atMost time: Duration, since heard: UInt64) async {
        let sleep = Task { _ = try? await Task.sleep(for: time) }
        let place: UInt64? = state.withLock { state in
            guard state.rings == heard else { return nil }
            state.next += 1
            state.sleepers[state.next] = sleep
            return state.next
        }
        guard let place else { return sleep.cancel() }
        await withTaskCancellationHandler {
            await sleep.value
        } onCancel: {
            sleep.cancel()
        }
        state.withLock { _ = $0.sleepers.removeValue(forKey: place) }
    }
}
