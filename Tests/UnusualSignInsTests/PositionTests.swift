import Foundation
import Support
import Testing
import UnusualSignIns

@Suite struct PositionTests {
    private static func random(_ generator: inout SeededGenerator) throws -> Position {
        // Even over the sphere.
        let latitude = asin(Double.random(in: -1...1, using: &generator)) * 180 / .pi
        return try #require(
            Position(
                latitude: latitude, longitude: .random(in: -180...180, using: &generator), radius: .random(in: 0...300, using: &generator)))
    }

    /// By the angle between two vectors: another formula, exact everywhere.
    private static func reference(_ one: Position, _ other: Position) -> Double {
        func vector(_ place: Position) -> (Double, Double, Double) {
            let (latitude, longitude) = (place.latitude * .pi / 180, place.longitude * .pi / 180)
            return (cos(latitude) * cos(longitude), cos(latitude) * sin(longitude), sin(latitude))
        }
        let (a, b) = (vector(one), vector(other))
        let cross = (a.1 * b.2 - a.2 * b.1, a.2 * b.0 - a.0 * b.2, a.0 * b.1 - a.1 * b.0)
        let sine = (cross.0 * cross.0 + cross.1 * cross.1 + cross.2 * cross.2).squareRoot()
        return 6_371.008_8 * atan2(sine, a.0 * b.0 + a.1 * b.1 + a.2 * b.2)
    }

    @Test("distances are those of another formula, the same both ways, and no detour is shorter")
    func distances() throws {
        var generator = SeededGenerator(seed: 9)
        for _ in 0..<20_000 {
            let (a, b, c) = (try Self.random(&generator), try Self.random(&generator), try Self.random(&generator))
            let distance = a.kilometres(to: b)
            #expect(abs(distance - Self.reference(a, b)) < 0.01)
            #expect(abs(distance - b.kilometres(to: a)) < 1e-6)
            #expect(distance <= a.kilometres(to: c) + c.kilometres(to: b) + 1e-6)
            #expect(distance >= 0 && distance <= 20_016)
        }
        let (lisbon, porto) = (
            try #require(Position(latitude: 38.7223, longitude: -9.1393, radius: 0)),
            try #require(Position(latitude: 41.1579, longitude: -8.6291, radius: 0))
        )
        #expect((273...276).contains(lisbon.kilometres(to: porto)))
        #expect(lisbon.kilometres(to: lisbon) == 0)
    }

    @Test("what is no point on the earth is none")
    func bounds() {
        for (latitude, longitude, radius) in [
            (91, 0, 1), (-91, 0, 1), (0, 181, 1), (0, -181, 1), (0, 0, -1), (.nan, 0, 1), (0, .nan, 1), (0, 0, .infinity), (0, 0, .nan),
        ] as [(Double, Double, Double)] {
            #expect(Position(latitude: latitude, longitude: longitude, radius: radius) == nil)
        }
    }

    @Test("a way is the distance without both radii, and never negative; less than a second counts as one")
    func travel() throws {
        var generator = SeededGenerator(seed: 10)
        for _ in 0..<5_000 {
            let (a, b) = (try Self.random(&generator), try Self.random(&generator))
            let travel = Travel(from: a, to: b, seconds: .random(in: 0...100_000, using: &generator))
            #expect(travel.kilometres == max(0, a.kilometres(to: b) - a.radius - b.radius))
            #expect(travel.seconds >= 1 && travel.speed >= 0 && travel.speed.isFinite)
        }
    }
}
