import Secrets
import Synchronization

/// What the sample app's dashboard remembers: the key with which it asks its own API. On one's own machine alone, and until it ends.
final class SampleDashboard: Sendable {
    private let kept = Mutex<Secret<String>?>(nil)

    var key: Secret<String>? { kept.withLock { $0 } }

    func use(_ key: String) { kept.withLock { $0 = key.isEmpty ? nil : Secret(key) } }
}
