import CMaxMindDB
import Glibc
import NetworkAddress
import Storage
import UnusualSignIns

/// A database in MaxMind's format: of cities, countries, networks or anonymity, from any maker.
///
/// It reads a copy that nobody else has a name for: who replaces or cuts the file can't take pages from under a reader.
///
/// `@unchecked Sendable`: nothing changes after its making but `records`, and that only on the one thread that asks.
final class PlaceFile: @unchecked Sendable {
    struct Problem: Error, CustomStringConvertible { let description: String }

    let path: String
    let identity: MappedFile.Identity
    /// `GeoLite2-City` and the like.
    let type: String
    let builtAt: Timestamp
    private var database = MMDB_s()
    /// Whether there is something to close: what couldn't be opened was let go of by the library.
    private var isOpen = false
    /// What was read from the file: many addresses share a record.
    private var records: [UInt32: AddressPlace] = [:]
    private static let mostRecords = 50_000

    /// - Parameter directory: where the copy goes.
    init(path: String, copiedTo directory: String) throws(Problem) {
        self.path = path
        let copy: (file: Int32, identity: MappedFile.Identity)
        do throws(MappedFile.Problem) { copy = try MappedFile.copy(of: path, into: directory) } catch {
            throw Problem(description: error.description)
        }
        defer { close(copy.file) }
        identity = copy.identity
        let status = MMDB_open("/proc/self/fd/\(copy.file)", UInt32(MMDB_MODE_MMAP), &database)
        guard status == MMDB_SUCCESS else {
            type = ""
            builtAt = Timestamp(microseconds: 0)
            throw Problem(description: "\(path) is no database of places: \(String(cString: MMDB_strerror(status)))")
        }
        isOpen = true
        type = database.metadata.database_type.map { String(cString: $0) } ?? ""
        builtAt = Timestamp(secondsSinceEpoch: Int64(clamping: database.metadata.build_epoch))
    }

    deinit { if isOpen { MMDB_close(&database) } }

    /// Adds what it knows of an address to what others said. What is broken says nothing.
    func look(up address: IPAddress, into place: inout AddressPlace) {
        guard let entry = entry(of: address) else { return }
        if let known = records[entry.offset] { return place.add(known) }
        let found = read(entry)
        if records.count >= Self.mostRecords { records = [:] }
        records[entry.offset] = found
        place.add(found)
    }

    private func entry(of address: IPAddress) -> MMDB_entry_s? {
        var error: Int32 = 0
        let result: MMDB_lookup_result_s
        let bytes = address.bytes
        if bytes.count == 4 {
            var four = sockaddr_in()
            four.sin_family = sa_family_t(AF_INET)
            withUnsafeMutableBytes(of: &four.sin_addr) { $0.copyBytes(from: bytes) }
            result = withUnsafePointer(to: &four) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { MMDB_lookup_sockaddr(&database, $0, &error) }
            }
        } else {
            var six = sockaddr_in6()
            six.sin6_family = sa_family_t(AF_INET6)
            withUnsafeMutableBytes(of: &six.sin6_addr) { $0.copyBytes(from: bytes) }
            result = withUnsafePointer(to: &six) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { MMDB_lookup_sockaddr(&database, $0, &error) }
            }
        }
        return error == MMDB_SUCCESS && result.found_entry ? result.entry : nil
    }

    // MARK: Records

    private func read(_ entry: MMDB_entry_s) -> AddressPlace {
        var place = AddressPlace()
        let country = text(entry, Key.countryCode)
        // Two letters, or it is something else.
        if country.utf8.count == 2, country.utf8.allSatisfy({ (65...90).contains($0) }) { place.country = country }
        place.region = name(entry, Key.region)
        place.city = name(entry, Key.city)
        if let latitude = number(entry, Key.latitude), let longitude = number(entry, Key.longitude) {
            // Makers that don't say how exact they are, are as exact as their cities are large.
            let radius = number(entry, Key.radius) ?? (place.city.isEmpty ? 1_000 : 100)
            place.position = Position(latitude: latitude, longitude: longitude, radius: radius)
        }
        place.network = number(entry, Key.network).flatMap { UInt32(exactly: $0) }
        place.networkName = name(entry, Key.networkName)
        if Key.anonymous.contains(where: { isTrue(entry, $0) }) {
            place.kind = .anonymous
        } else if Key.connection.contains(where: { text(entry, $0).lowercased() == "cellular" }) {
            place.kind = .mobile
        }
        return place
    }

    /// A path into a record: names, and a null at the end, made once and never let go of.
    private struct Key: @unchecked Sendable {
        let path: UnsafePointer<UnsafePointer<CChar>?>

        init(_ names: String...) {
            let path = UnsafeMutablePointer<UnsafePointer<CChar>?>.allocate(capacity: names.count + 1)
            for (index, name) in names.enumerated() { path[index] = strdup(name).map { UnsafePointer($0) } }
            path[names.count] = nil
            self.path = UnsafePointer(path)
        }

        static let countryCode = Key("country", "iso_code")
        static let region = Key("subdivisions", "0", "names", "en")
        static let city = Key("city", "names", "en")
        static let latitude = Key("location", "latitude")
        static let longitude = Key("location", "longitude")
        static let radius = Key("location", "accuracy_radius")
        static let network = Key("autonomous_system_number")
        static let networkName = Key("autonomous_system_organization")
        static let anonymous = [
            Key("is_anonymous"), Key("is_anonymous_vpn"), Key("is_hosting_provider"), Key("is_public_proxy"), Key("is_tor_exit_node"),
            Key("is_residential_proxy"), Key("traits", "is_anonymous"), Key("traits", "is_anonymous_proxy"),
            Key("traits", "is_hosting_provider"),
        ]
        static let connection = [Key("connection_type"), Key("traits", "connection_type"), Key("traits", "user_type")]
    }

    private func value(_ entry: MMDB_entry_s, _ key: Key) -> MMDB_entry_data_s? {
        var (entry, data) = (entry, MMDB_entry_data_s())
        let status = withUnsafePointer(to: &database) { database in
            entry.mmdb = database
            return MMDB_aget_value(&entry, &data, key.path)
        }
        return status == MMDB_SUCCESS && data.has_data ? data : nil
    }

    private func text(_ entry: MMDB_entry_s, _ key: Key) -> String {
        guard let data = value(entry, key), data.type == MMDB_DATA_TYPE_UTF8_STRING, let start = data.utf8_string else { return "" }
        return String(decoding: UnsafeRawBufferPointer(start: start, count: Int(min(data.data_size, 400))), as: UTF8.self)
    }

    /// At most 80 characters on one line: it is shown to people.
    private func name(_ entry: MMDB_entry_s, _ key: Key) -> String {
        let scalars = text(entry, key).unicodeScalars.filter {
            !$0.properties.isDefaultIgnorableCodePoint && $0.value >= 32 && $0.value != 127
        }
        return String(String.UnicodeScalarView(scalars.prefix(80)))
    }

    private func number(_ entry: MMDB_entry_s, _ key: Key) -> Double? {
        guard let data = value(entry, key) else { return nil }
        switch Int32(data.type) {
        case MMDB_DATA_TYPE_DOUBLE: return data.double_value
        case MMDB_DATA_TYPE_FLOAT: return Double(data.float_value)
        case MMDB_DATA_TYPE_UINT16: return Double(data.uint16)
        case MMDB_DATA_TYPE_UINT32: return Double(data.uint32)
        case MMDB_DATA_TYPE_UINT64: return Double(data.uint64)
        case MMDB_DATA_TYPE_INT32: return Double(data.int32)
        default: return nil
        }
    }

    private func isTrue(_ entry: MMDB_entry_s, _ key: Key) -> Bool {
        value(entry, key).map { Int32($0.type) == MMDB_DATA_TYPE_BOOLEAN && $0.boolean } ?? false
    }
}

extension AddressPlace {
    /// Takes over what isn't known yet.
    fileprivate mutating func add(_ other: AddressPlace) {
        if country.isEmpty { country = other.country }
        if region.isEmpty, city.isEmpty { (region, city) = (other.region, other.city) }
        if position == nil { position = other.position }
        if network == nil { (network, networkName) = (other.network, other.networkName) }
        if kind == .plain { kind = other.kind }
    }
}
