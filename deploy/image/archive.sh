#!/usr/bin/env bash
# Builds the image as an OCI archive, from scratch and without network: deploy/image/archive.sh BINARY FILE
# Load it with `podman load -i FILE`, `ctr -n k8s.io images import FILE`, or `skopeo copy oci-archive:FILE docker://…`.
set -euo pipefail
here=$(dirname "$0")
binary=$1 file=$2

version=$("$binary" -version)
version=${version#cluster-dns-}
revision=$(git -C "$here" rev-parse HEAD 2>/dev/null || echo unknown)
# The same commit gives the same layer, whenever it is built.
seconds=${SOURCE_DATE_EPOCH:-$(git -C "$here" log -1 --format=%ct 2>/dev/null || echo 0)}

work=$(mktemp -d "${TMPDIR:-/tmp}/cluster-dns-image.XXXXXX")
buildah() { command buildah --storage-driver vfs --root "$work/storage" --runroot "$work/run" "$@"; }
trap 'buildah rm --all >/dev/null 2>&1 || true; rm -rf "$work"' EXIT

"$here/root.sh" "$binary" "$work/root"
mkdir -p "$work/root/usr/share/cluster-dns"
"$here/bill-of-materials.sh" "$binary" "$work/root" "$version" "$seconds" >"$work/root/usr/share/cluster-dns/sbom.spdx.json"
container=$(buildah from scratch)
buildah copy --quiet "$container" "$work/root" / >/dev/null
buildah config \
    --user 65532:65532 --workingdir / --entrypoint '["/coredns"]' --cmd '' --env PATH=/ \
    --port 53/udp --port 53/tcp --port 9153/tcp --port 8080/tcp --port 8181/tcp \
    --label org.opencontainers.image.title=cluster-dns \
    --label org.opencontainers.image.description='DNS for Kubernetes clusters, in the place of CoreDNS and kube-dns' \
    --label org.opencontainers.image.version="$version" \
    --label org.opencontainers.image.revision="$revision" \
    --label org.opencontainers.image.licenses=Apache-2.0 \
    "$container"
mkdir -p "$(dirname "$file")"
rm -f "$file"
buildah commit --quiet --rm --disable-compression=false --timestamp "$seconds" "$container" "oci-archive:$file:cluster-dns:$version" >/dev/null

# What it is made of, so that growth is seen where it happens.
megabytes() { awk -v octets="$1" 'BEGIN { printf "%6.1f MB", octets / 1e6 }'; }
sections() { size -A -d "$work/root/coredns" | awk -v names="^($1)\$" '$1 ~ names { sum += $2 } END { print sum + 0 }'; }
echo 'Unpacked:'
echo "$(megabytes "$(stat -c %s "$work/root/coredns")")  the program, of that"
echo "$(megabytes "$(sections '\.text|\.plt|\.init|\.fini')")    code"
echo "$(megabytes "$(sections '\.rodata|\.data|\.data\..*|swift5_.*')")    constants, and Swift's descriptions of types"
echo "$(megabytes "$(sections '\.eh_frame|\.eh_frame_hdr|\.gcc_except_table')")    tables that backtraces are read with"
echo "$(megabytes "$(find "$work/root" -name '*.so*' -type f -printf '%s\n' | awk '{ sum += $1 } END { print sum + 0 }')")  Debian's libraries"
echo "$(megabytes "$(stat -c %s "$work/root/etc/ssl/certs/ca-certificates.crt")")  certificate authorities"
echo "$file: cluster-dns:$version, $(($(stat -c %s "$file") / 1000000)) MB"
