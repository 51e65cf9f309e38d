#!/usr/bin/env bash
# Lays out the image's root file system: deploy/image/root.sh BINARY FOLDER
# The program without its symbols, the libraries it is linked with, certificate authorities, the user 65532. No shell.
set -euo pipefail
binary=$1 root=$2

[ ! -e "$root" ] || { echo "$root: exists, expected a folder to be made" >&2; exit 1; }
certificates=/etc/ssl/certs/ca-certificates.crt
[ -s $certificates ] || { echo "$certificates: missing, expected Debian's ca-certificates to be installed" >&2; exit 1; }

umask 022
mkdir -p "$root"/{etc/coredns,etc/ssl/certs,var/lib/cluster-dns}
strip --strip-all -o "$root/coredns" "$binary"
chmod 755 "$root/coredns"
# Manifests for CoreDNS rely on the image's entry point; whoever names the program finds it by its own name, too.
ln -s coredns "$root/cluster-dns"

# Each library where the loader looks for it, the loader itself included.
libraries=$(ldd "$root/coredns")
if grep -q 'not found' <<<"$libraries"; then
    echo "$binary needs libraries that this machine does not have:" >&2
    grep 'not found' <<<"$libraries" >&2
    exit 1
fi
grep -oE '/[^ ]+' <<<"$libraries" | while read -r library; do
    install -D -m 755 "$library" "$root$library"
done
install -m 644 $certificates "$root$certificates"

echo 'nonroot:x:65532:65532:nonroot:/:/sbin/nologin' >"$root/etc/passwd"
echo 'nonroot:x:65532:' >"$root/etc/group"
# Files before DNS: a name server that asked itself for localhost would wait for itself.
echo 'hosts: files dns' >"$root/etc/nsswitch.conf"

# Permitted, not effective: a container that adds NET_BIND_SERVICE opens port 53 as user 65532, and one that drops
# everything still starts. With an effective bit the kernel would refuse to run the program there.
setcap cap_net_bind_service=p "$root/coredns"
