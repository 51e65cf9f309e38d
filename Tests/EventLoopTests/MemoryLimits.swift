import EventLoop
import Testing

@Suite("memory: what the container may have") struct MemoryLimits {
    /// The limit of a process whose groups, mounts and files are these.
    private func limit(_ groups: String, _ mounts: String, _ files: [String: String]) -> Int? {
        MemoryLimit(groups: groups, mounts: mounts).octets { files[$0] }
    }

    private static let second = "36 31 0:41 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup rw,nsdelegate\n"
    private static let first = "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory\n"

    @Test("a container sees its own group as the root") func container() {
        #expect(limit("0::/\n", Self.second, ["/sys/fs/cgroup/memory.max": "178257920\n"]) == 178_257_920)
        #expect(
            limit("4:memory:/\n", Self.first, ["/sys/fs/cgroup/memory/memory.limit_in_bytes": "178257920\n"])
                == 178_257_920)
    }

    @Test("the least of the group and those above it holds") func above() {
        let files = [
            "/sys/fs/cgroup/memory.max": "max\n", "/sys/fs/cgroup/kubepods/memory.max": "1000000\n",
            "/sys/fs/cgroup/kubepods/pod1/memory.max": "3000000\n",
            "/sys/fs/cgroup/kubepods/pod1/c/memory.max": "2000000\n",
        ]
        #expect(limit("0::/kubepods/pod1/c\n", Self.second, files) == 1_000_000)
        #expect(limit("0::/kubepods/pod1/c\n", Self.second, files.filter { !$0.key.contains("pods/mem") }) == 2_000_000)
    }

    @Test("no limit is none, however it is written", arguments: ["max\n", "9223372036854771712\n", "0\n", "", "x\n"])
    func endless(_ text: String) {
        #expect(limit("0::/\n", Self.second, ["/sys/fs/cgroup/memory.max": text]) == nil)
        #expect(limit("4:memory:/\n", Self.first, ["/sys/fs/cgroup/memory/memory.limit_in_bytes": text]) == nil)
    }

    @Test("a mounted part of the hierarchy stands for the group it is") func mountedPart() {
        let mount = "35 31 0:32 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n"
        let files = ["/sys/fs/cgroup/memory/memory.limit_in_bytes": "5000000\n"]
        #expect(limit("4:memory:/docker/abc\n", mount, files) == 5_000_000)
        // Paths of another namespace, as a process sees that was moved into its group.
        #expect(limit("4:memory:/../x\n", mount, files) == 5_000_000)
        #expect(limit("4:memory:/elsewhere\n", mount, files) == 5_000_000)
    }

    @Test("controllers may share a hierarchy, and others are not read") func controllers() {
        let mounts =
            "34 31 0:31 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
            + "35 31 0:32 / /cg/both rw - cgroup cgroup rw,hugetlb,memory\n"
        let files = [
            "/sys/fs/cgroup/cpu/memory.limit_in_bytes": "1\n", "/cg/both/a/memory.limit_in_bytes": "7000000\n",
        ]
        #expect(limit("5:cpu:/\n4:hugetlb,memory:/a\n", mounts, files) == 7_000_000)
    }

    @Test("without control groups there is none") func nothing() {
        #expect(limit("", "", [:]) == nil)
        #expect(limit("0::/\n", "a b c\n- - -\n36 31 0:41 / /x rw -\n", [:]) == nil)
    }

    @Test("this process is in memory") func resident() { #expect(Heap.residentOctets > 1 << 20) }
}
