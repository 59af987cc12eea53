import Glibc

/// A point on the earth, as exactly as it is known.
public struct Position: Equatable, Sendable {
    /// Degrees, north positive: -90 to 90.
    public let latitude: Double
    /// Degrees, east positive: -180 to 180.
    public let longitude: Double
    /// Kilometres around it within which the true place probably lies.
    public let radius: Double

    /// - Returns: nil for what is no point on the earth, or a radius below 0.
    public init?(latitude: Double, longitude: Double, radius: Double) {
        guard (-90...90).contains(latitude), (-180...180).contains(longitude), radius >= 0, radius.isFinite else { return nil }
        (self.latitude, self.longitude, self.radius) = (latitude, longitude, radius)
    }

    /// Of the sphere that has the earth's mean radius (IUGG 1980), in kilometres.
    static let earth = 6_371.008_8

    /// Along a great circle, in kilometres (the haversine formula, which stays exact for small distances); off by 0.5 % at most, because
    /// the earth is no sphere.
    public func kilometres(to other: Position) -> Double {
        func radians(_ degrees: Double) -> Double { degrees * .pi / 180 }
        func half(_ degrees: Double) -> Double {
            let sine = sin(radians(degrees) / 2)
            return sine * sine
        }
        let chord =
            half(other.latitude - latitude) + cos(radians(latitude)) * cos(radians(other.latitude)) * half(other.longitude - longitude)
        return 2 * Self.earth * asin(min(1, sqrt(chord)))
    }
}

/// A way from one sign-in to the next.
public struct Travel: Equatable, Sendable {
    /// What must have been gone at least: the distance without both radii, 0 or more.
    public let kilometres: Double
    /// Between the two, more than 0.
    public let seconds: Double

    /// - Parameter seconds: less than one counts as one.
    public init(from before: Position, to here: Position, seconds: Double) {
        kilometres = max(0, before.kilometres(to: here) - before.radius - here.radius)
        self.seconds = max(1, seconds)
    }

    /// In kilometres an hour.
    public var speed: Double { kilometres * 3_600 / seconds }
}
