import Glibc

/// A file's content, mapped.
///
/// A mapped file that somebody shortens or copies over ends the whole process at the next look (SIGBUS). So what stays open is a copy
/// without a name: nobody else can come by it, and it is gone with the process.
final class MappedFile: Sendable {
    struct Problem: Error, CustomStringConvertible {
        let description: String

        /// Of the last call to the system.
        init(_ what: String) { description = "\(what): \(String(cString: strerror(errno)))" }
    }

    /// Tells a file from the one that stood under its name before.
    struct Identity: Equatable {
        let device: UInt
        let inode: UInt
        let size: Int
        let changedAt: Int
        let changedAtNanoseconds: Int

        fileprivate init(_ status: stat) {
            (device, inode, size) = (UInt(status.st_dev), UInt(status.st_ino), Int(status.st_size))
            (changedAt, changedAtNanoseconds) = (status.st_mtim.tv_sec, status.st_mtim.tv_nsec)
        }
    }

    /// Of the file under the name, also where a copy is mapped.
    let identity: Identity
    /// Read only, and only ended by `deinit`.
    private nonisolated(unsafe) let content: UnsafeRawBufferPointer

    /// - Parameter directory: where a copy goes, or nil to map the file itself.
    init(path: String, copiedTo directory: String?) throws(Problem) {
        let source = open(path, O_RDONLY | O_CLOEXEC)
        guard source >= 0 else { throw Problem("\(path) can't be read") }
        defer { close(source) }
        var status = stat()
        fstat(source, &status)
        identity = Identity(status)
        let size = identity.size
        guard size > 0 else {
            content = UnsafeRawBufferPointer(start: nil, count: 0)
            return
        }
        let copy = try directory.map { directory throws(Problem) in try Self.copy(source, bytes: size, into: directory) }
        defer { if let copy { close(copy) } }
        let start = mmap(nil, size, PROT_READ, MAP_SHARED, copy ?? source, 0)
        guard let start, start != MAP_FAILED else { throw Problem("\(path) can't be mapped") }
        // Read here and there: the pages around are no use.
        madvise(start, size, MADV_RANDOM)
        content = UnsafeRawBufferPointer(start: start, count: size)
    }

    deinit {
        if let start = content.baseAddress { munmap(UnsafeMutableRawPointer(mutating: start), content.count) }
    }

    /// A copy of a file that nobody else has a name for, open for reading.
    static func copy(of path: String, into directory: String) throws(Problem) -> (file: Int32, identity: Identity) {
        let source = open(path, O_RDONLY | O_CLOEXEC)
        guard source >= 0 else { throw Problem("\(path) can't be read") }
        defer { close(source) }
        var status = stat()
        fstat(source, &status)
        let identity = Identity(status)
        return (try copy(source, bytes: identity.size, into: directory), identity)
    }

    static func identity(of path: String) -> Identity? {
        var status = stat()
        return stat(path, &status) == 0 ? Identity(status) : nil
    }

    private static func copy(_ source: Int32, bytes: Int, into directory: String) throws(Problem) -> Int32 {
        var name = Array((directory + "/mapped-" + String(repeating: "X", count: 6)).utf8CString)
        let copy = mkstemp(&name)
        guard copy >= 0 else { throw Problem("A copy can't be made in \(directory)") }
        unlink(name)
        _ = fcntl(copy, F_SETFD, FD_CLOEXEC)
        var done = 0
        while done < bytes {
            let part = sendfile(copy, source, nil, bytes - done)
            if part < 0, errno == EINTR { continue }
            guard part > 0 else {
                // Nothing more to read is no error of the system's.
                if part == 0 { errno = ESTALE }
                let problem = Problem("A copy of \(bytes) bytes can't be made in \(directory)")
                close(copy)
                throw problem
            }
            done += part
        }
        return copy
    }

    /// As much of the beginning as there is.
    func bytes(_ count: Int) -> [UInt8] { Array(content.prefix(count)) }

    /// - Returns: a little-endian number, or nil behind the end.
    func number<Number: FixedWidthInteger>(at offset: Int, as: Number.Type) -> Number? {
        guard offset >= 0, offset <= content.count - MemoryLayout<Number>.size else { return nil }
        return Number(littleEndian: content.loadUnaligned(fromByteOffset: offset, as: Number.self))
    }
}
