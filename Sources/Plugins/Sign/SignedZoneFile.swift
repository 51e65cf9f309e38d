import DNSServer
import DNSWire
import EventLoop
import Telemetry
import ZoneData

/// Keeps one signed zone file fresh.
struct SignedZoneFile: Sendable {
    private let settings: SignSettings
    private let zone: Name
    private let files: FileAccess
    /// Seconds before the start and after the end of signatures, so that not all zones are signed at once.
    private let jitter = (start: UInt32.random(in: 0...(18 * 3600)), end: UInt32.random(in: 0...(5 * 86400)))

    private static let validFrom: UInt32 = 3 * 3600
    private static let validFor: UInt32 = 32 * 86400
    /// Signatures older than this are renewed, and those that end sooner than that.
    private static let oldest: Int64 = 6 * 86400
    private static let soonest: Int64 = 7 * 86400

    init(_ settings: SignSettings, _ zone: Name, _ files: FileAccess) {
        self.settings = settings
        self.zone = zone
        self.files = files
    }

    /// Where the signed zone stands: `db.example.org.signed`.
    private var target: String { "\(settings.folder)/db.\(zone)signed" }

    /// Signs the zone when that is due; gives what was signed or looked at, for the next call. A task that is cancelled
    /// meanwhile writes nothing: others may sign the same zone by now.
    ///
    /// - Parameters:
    ///   - now: seconds since 1970.
    ///   - last: what the last call gave.
    func refresh(now: UInt32, last: FileTrail.Contents?) -> FileTrail.Contents? {
        guard !Task.isCancelled else { return last }
        let trail = FileTrail(files.octets)
        let octets: [UInt8]
        do { octets = try trail.read(settings.path) } catch {
            Log.error("plugin/sign: \(error): \(zone) is not signed")
            return last
        }
        guard let reason = due(now, isChanged: last.map { !$0.hold(files.octets) } ?? false) else {
            if let last { return last }
            Log.info("plugin/sign: \(target) holds: \(zone) needs no signing yet")
            // What is wrong with it is said when it has changed.
            try? ZoneFile.visit(octets, named: settings.path, origin: zone, readFile: trail.read)
            return trail.contents
        }
        do {
            let tags = try sign(octets, now, trail)
            Log.info(
                "plugin/sign: \(zone) is signed in \(target) with the keys \(tags) and serial \(now), because \(reason)"
            )
        } catch is CancellationError {
            return last
        } catch {
            Log.error("plugin/sign: \(zone) is not signed: \(error)")
            return last
        }
        return trail.contents
    }

    /// Why the zone is to be signed; nil when it need not be.
    func due(_ now: UInt32, isChanged: Bool) -> String? {
        if isChanged { return "\(settings.path), or what it includes, has changed" }
        guard let octets = try? files.octets(target) else { return "\(target) is not there" }
        guard let validity = ZoneSigner.validity(of: octets) else {
            return "\(target) has no signature of its SOA record"
        }
        if Int64(now) - Int64(validity.inception) > Self.oldest { return "its signatures are older than six days" }
        if validity.inception > now { return "its signatures do not hold yet" }
        if Int64(validity.expiration) - Int64(now) < Self.soonest { return "its signatures end in less than a week" }
        return nil
    }

    /// Gives the tags of the keys.
    private func sign(_ octets: [UInt8], _ now: UInt32, _ trail: FileTrail) throws -> String {
        var keys = settings.keys
        for folder in settings.keyFolders { keys += try KeyFiles.read(folder: folder, of: zone, files) }
        keys = KeyFiles.once(keys)
        guard !keys.isEmpty else {
            throw ZoneContentError("no key of \(zone) is in \(settings.keyFolders.joined(separator: ", "))")
        }
        let (signed, foreign) = try ZoneSigner.sign(
            octets, named: settings.path, origin: zone, keys: keys.compactMap(\.signingKey), serial: now,
            inception: now &- Self.validFrom &- jitter.start, expiration: now &+ Self.validFor &+ jitter.end,
            readFile: trail.read)
        if foreign > 0 {
            Log.warning("plugin/sign: \(settings.path): \(foreign) records are not of \(zone), and left out")
        }
        try Task.checkCancellation()
        let replacement = try FileReplacement(of: files.path(target))
        try replacement.append(Array(signed.utf8))
        try replacement.finish()
        return keys.map { "\($0.tag)" }.joined(separator: ", ")
    }
}
