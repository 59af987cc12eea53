/// A value that must never be shown: in text, in a log, in a debugger's dump or in a reflection it reads `•••`.
///
/// Reading it back is a spelled-out act, ``exposed``, so that every place that does so can be found.
public struct Secret<Value: Sendable>: Sendable {
    private let value: Value

    public init(_ value: Value) { self.value = value }

    /// The value itself. Hand it on at once; never store or print it.
    public var exposed: Value { value }
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "•••" }
    public var debugDescription: String { "•••" }
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// Compares two secrets in a time that depends on their lengths only.
///
/// Two empty values are never equal: a blank token must not match a blank column.
public func isEqualInConstantTime(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    guard left.count == right.count, !left.isEmpty else { return false }
    return zip(left, right).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
}
