import CMaxMindDB
import Glibc

/// What a database says about an address.
package enum LocationValue: Sendable, Equatable {
    case text(String)
    case number(Double)
    case integer(UInt64)
    case boolean(Bool)
}

/// Why a file is no database that can be read.
package struct LocationDatabaseError: Error, CustomStringConvertible {
    /// In the library's words.
    package let description: String
}

/// A file in MaxMind's format: where addresses are, and whose they are (MaxMind DB File Format 2.0).
///
/// It is read where it lies: replace it by renaming another file, never by writing into it.
@safe package final class LocationDatabase: @unchecked Sendable {
    // Invariant: nothing writes to it between `init` and `deinit`; the library's lookups may run side by side.
    private let database: UnsafeMutablePointer<MMDB_s>

    package init(path: String) throws(LocationDatabaseError) {
        let memory = UnsafeMutablePointer<MMDB_s>.allocate(capacity: 1)
        unsafe memory.initialize(to: MMDB_s())
        let status = unsafe MMDB_open(path, UInt32(MMDB_MODE_MMAP), memory)
        guard status == MMDB_SUCCESS else {
            unsafe memory.deallocate()
            throw LocationDatabaseError(description: Self.text(status))
        }
        unsafe database = memory
    }

    deinit {
        unsafe MMDB_close(database)
        unsafe database.deallocate()
    }

    private static func text(_ status: Int32) -> String {
        unsafe MMDB_strerror(status).map { unsafe String(cString: $0) } ?? "error \(status)"
    }

    /// What it holds, such as `GeoLite2-City`.
    package var type: String {
        unsafe database.pointee.metadata.database_type.map { unsafe String(cString: $0) } ?? ""
    }

    /// The value at `path` of what is known about an address; nil when there is none.
    ///
    /// - Parameter address: 4 or 16 octets in network order.
    package func value(_ path: [String], of address: [UInt8]) -> LocationValue? {
        guard var entry = unsafe entry(of: address) else { return nil }
        var data = unsafe MMDB_entry_data_s()
        let words = unsafe path.map { unsafe strdup($0) }
        defer { unsafe words.forEach { unsafe free($0) } }
        var pointers = unsafe words.map { unsafe UnsafePointer<CChar>($0) } + [nil]
        guard unsafe MMDB_aget_value(&entry, &data, &pointers) == MMDB_SUCCESS, unsafe data.has_data else { return nil }
        return unsafe Self.value(data)
    }

    private func entry(of address: [UInt8]) -> MMDB_entry_s? {
        var status: Int32 = 0
        let result: MMDB_lookup_result_s
        switch address.count {
        case 4:
            var socket = sockaddr_in()
            socket.sin_family = sa_family_t(AF_INET)
            unsafe withUnsafeMutableBytes(of: &socket.sin_addr) { unsafe $0.copyBytes(from: address) }
            unsafe result = withUnsafePointer(to: &socket) {
                unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    unsafe MMDB_lookup_sockaddr(database, $0, &status)
                }
            }
        case 16:
            var socket = sockaddr_in6()
            socket.sin6_family = sa_family_t(AF_INET6)
            unsafe withUnsafeMutableBytes(of: &socket.sin6_addr) { unsafe $0.copyBytes(from: address) }
            unsafe result = withUnsafePointer(to: &socket) {
                unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    unsafe MMDB_lookup_sockaddr(database, $0, &status)
                }
            }
        default: return nil
        }
        guard status == MMDB_SUCCESS, unsafe result.found_entry else { return nil }
        return unsafe result.entry
    }

    private static func value(_ data: MMDB_entry_data_s) -> LocationValue? {
        switch unsafe Int32(bitPattern: data.type) {
        case MMDB_DATA_TYPE_UTF8_STRING:
            guard let start = unsafe data.utf8_string else { return nil }
            let octets = unsafe UnsafeRawBufferPointer(start: start, count: Int(data.data_size))
            return unsafe .text(String(decoding: octets, as: UTF8.self))
        case MMDB_DATA_TYPE_DOUBLE: return unsafe .number(data.double_value)
        case MMDB_DATA_TYPE_FLOAT: return unsafe .number(Double(data.float_value))
        case MMDB_DATA_TYPE_UINT16: return unsafe .integer(UInt64(data.uint16))
        case MMDB_DATA_TYPE_UINT32: return unsafe .integer(UInt64(data.uint32))
        case MMDB_DATA_TYPE_UINT64: return unsafe .integer(data.uint64)
        case MMDB_DATA_TYPE_BOOLEAN: return unsafe .boolean(data.boolean)
        default: return nil
        }
    }
}
