/// One row of an answer, read by column name.
package struct Row: Sendable {
    private let columns: [String]
    private let values: [SQLValue]

    /// - Parameter columns: shared by all rows of one answer.
    package init(columns: [String], values: [SQLValue]) {
        self.columns = columns
        self.values = values
    }

    package subscript(_ column: String) -> SQLValue? { columns.firstIndex(of: column).map { values[$0] } }

    package func integer(_ column: String) throws(StoreError) -> Int64 {
        guard case .integer(let value)? = self[column] else { throw .unexpectedColumn(column) }
        return value
    }

    package func text(_ column: String) throws(StoreError) -> String {
        guard case .text(let value)? = self[column] else { throw .unexpectedColumn(column) }
        return value
    }

    package func blob(_ column: String) throws(StoreError) -> [UInt8] {
        guard case .blob(let value)? = self[column] else { throw .unexpectedColumn(column) }
        return value
    }

    package func time(_ column: String) throws(StoreError) -> Timestamp { Timestamp(microseconds: try integer(column)) }

    package func id<Tag>(_ column: String) throws(StoreError) -> Identifier<Tag> {
        guard let id = Identifier<Tag>(bytes: try blob(column)) else { throw .unexpectedColumn(column) }
        return id
    }

    /// Reads a column that may be null: `row.optional("name") { row throws(StoreError) in try row.text("name") }`.
    package func optional<Value>(
        _ column: String, _ read: (Row) throws(StoreError) -> Value
    ) throws(StoreError) -> Value? {
        guard let value = self[column] else { throw .unexpectedColumn(column) }
        return value == .null ? nil : try read(self)
    }

    package func optionalText(_ column: String) throws(StoreError) -> String? {
        try optional(column) { (row) throws(StoreError) in try row.text(column) }
    }

    package func optionalTime(_ column: String) throws(StoreError) -> Timestamp? {
        try optional(column) { (row) throws(StoreError) in try row.time(column) }
    }

    package func optionalID<Tag>(_ column: String) throws(StoreError) -> Identifier<Tag>? {
        try optional(column) { (row) throws(StoreError) in try row.id(column) }
    }
}
