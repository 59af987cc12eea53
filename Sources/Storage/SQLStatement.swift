/// One value a database can hold.
package enum SQLValue: Sendable, Equatable {
    case null, integer(Int64), text(String), blob([UInt8])
}

/// A type with one way to stand in a column.
package protocol SQLBindable {
    var sqlValue: SQLValue { get }
}

extension Int64: SQLBindable { package var sqlValue: SQLValue { .integer(self) } }
extension String: SQLBindable { package var sqlValue: SQLValue { .text(self) } }
extension [UInt8]: SQLBindable { package var sqlValue: SQLValue { .blob(self) } }

/// A statement whose interpolated values are always bound, never spliced into its text.
///
/// Only a literal can become one: a `String` built elsewhere doesn't compile.
package struct SQLStatement: ExpressibleByStringInterpolation, Sendable, Equatable {
    /// The statement with `$1`, `$2` … where values go, as both engines read it.
    package let text: String
    package let bindings: [SQLValue]

    package init(stringLiteral value: StaticString) {
        text = "\(value)"
        bindings = []
    }

    package init(stringInterpolation statement: Interpolation) {
        text = statement.text
        bindings = statement.bindings
    }

    package struct Interpolation: StringInterpolationProtocol {
        fileprivate var text = ""
        fileprivate var bindings: [SQLValue] = []

        package init(literalCapacity: Int, interpolationCount: Int) { text.reserveCapacity(literalCapacity + 4 * interpolationCount) }

        package mutating func appendLiteral(_ literal: StaticString) { text += "\(literal)" }
        package mutating func appendInterpolation(_ value: some SQLBindable) { bind(value.sqlValue) }
        package mutating func appendInterpolation<Value: SQLBindable>(_ value: Value?) { bind(value?.sqlValue ?? .null) }
        /// A suffix that only one engine knows, such as how to skip locked rows.
        package mutating func appendInterpolation(_ suffix: Dialect.Suffix) { text += "\(suffix.text)" }

        private mutating func bind(_ value: SQLValue) {
            bindings.append(value)
            text += "$\(bindings.count)"
        }
    }
}
