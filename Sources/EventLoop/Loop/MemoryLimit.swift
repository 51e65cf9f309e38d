/// How much memory the system lets this process have: what its control group may use, or the least of what those above
/// it may (cgroups(7)), as far as a container shows them.
package struct MemoryLimit: Sendable {
    /// Each says a number of octets, or that there is no limit.
    let files: [String]

    /// - Parameters:
    ///   - groups: what `/proc/self/cgroup` says.
    ///   - mounts: what `/proc/self/mountinfo` says.
    package init(groups: String, mounts: String) {
        files = mounts.split(separator: "\n").flatMap { Self.files(mount: $0, groups) }
    }

    package static let ofThisProcess = MemoryLimit(
        groups: KernelFile.text("/proc/self/cgroup") ?? "", mounts: KernelFile.text("/proc/self/mountinfo") ?? "")

    /// In octets; nil without a limit. It is read anew each time, because a container may be resized.
    ///
    /// - Parameter read: the text of a file; nil for one that is not there.
    package func octets(_ read: (String) -> String? = KernelFile.text) -> Int? {
        files.compactMap { read($0).flatMap(Self.octets) }.min()
    }

    /// Beyond any memory: the first version writes the largest multiple of a page where there is no limit.
    private static let endless = 1 << 60

    private static func octets(_ text: String) -> Int? {
        // "max" is no number.
        guard let octets = Int(text.prefix { !$0.isWhitespace }), octets > 0, octets < endless else { return nil }
        return octets
    }

    /// The files of one mounted hierarchy, the group's own first; none when it has nothing to do with memory.
    private static func files(mount line: Substring, _ groups: String) -> [String] {
        // proc(5): ID, parent, device, root, mount point, options, optional fields, "-", type, source, super options.
        let fields = line.split(separator: " ")
        guard let mark = fields.firstIndex(of: "-"), mark > 4, fields.count > mark + 3 else { return [] }
        let isFirstVersion = fields[mark + 1] == "cgroup"
        guard isFirstVersion ? fields[mark + 3].split(separator: ",").contains("memory") : fields[mark + 1] == "cgroup2"
        else { return [] }
        let group = group(groups, isFirstVersion ? "memory" : "")
        let file = isFirstVersion ? "memory.limit_in_bytes" : "memory.max"
        var folders = [String(fields[4])]
        for name in steps(from: fields[3], to: group) { folders.append(folders[folders.count - 1] + "/" + name) }
        return folders.reversed().map { $0 + "/" + file }
    }

    /// The path of the process' group in the hierarchy of a controller; that of the second version has no name.
    private static func group(_ groups: String, _ controller: Substring) -> Substring {
        for line in groups.split(separator: "\n") {
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard fields.count == 3 else { continue }
            let controllers = fields[1].split(separator: ",", omittingEmptySubsequences: false)
            if controllers.contains(controller) { return fields[2] }
        }
        return "/"
    }

    /// The folders between what is mounted and the group; none for a group outside of it, whose path means another
    /// namespace: what is mounted is then the container's own.
    private static func steps(from root: Substring, to group: Substring) -> [Substring] {
        let (root, group) = (root.split(separator: "/"), group.split(separator: "/"))
        guard group.starts(with: root), !group.contains("..") else { return [] }
        return Array(group.dropFirst(root.count))
    }
}
