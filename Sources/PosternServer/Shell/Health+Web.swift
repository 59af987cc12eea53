import HTTPTypes
import Hummingbird

/// A sign of life for load balancers: 200 or 503, and no detail (CF-03).
struct HealthWeb: Room {
    let isHealthy: @Sendable () async -> Bool

    var routes: [Route] {
        [.plain("/auth/health") { _, _ in .nothing(await isHealthy() ? .ok : .serviceUnavailable) }]
    }
}
