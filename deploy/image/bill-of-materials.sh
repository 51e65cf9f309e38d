#!/usr/bin/env bash
# What is in an image, as SPDX 2.3 in JSON: deploy/image/bill-of-materials.sh BINARY ROOT-FOLDER VERSION SECONDS >FILE
# Swift packages are those of which the linker took a module into the program; Debian's those that own a file in the folder.
set -euo pipefail
binary=$(realpath "$1") root=$2 version=$3 seconds=$4
here=$(realpath "$(dirname "$0")/../..")
objects=$binary.product/Objects.LinkFileList
checkouts=$here/.build/checkouts
[ -s "$objects" ] || { echo "$objects: missing, expected beside a program that SwiftPM has linked" >&2; exit 1; }

# Their archives are linked into the program.
archives='libldns-dev libmaxminddb-dev libssl-dev'

separator=''
# Name, version, where it comes from, its purl.
package() {
    printf '%s\n    {"SPDXID": "SPDXRef-%s", "name": "%s", "versionInfo": "%s", "downloadLocation": "%s", "filesAnalyzed": false,\n' \
        "$separator" "$(tr -c 'A-Za-z0-9.\n' '-' <<<"$1")" "$1" "$2" "$3"
    printf '     "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": "%s"}]}' "$4"
    separator=,
    names+=("$(tr -c 'A-Za-z0-9.\n' '-' <<<"$1")")
}

names=()
modules=$(grep -oE '/[^/]+\.build/' "$objects" | sort -u | sed 's,^/,,; s,\.build/$,,')
swift_packages() {
    local folder module
    for folder in "$checkouts"/*/; do
        for module in $modules; do
            if [ -d "$folder/Sources/$module" ]; then
                basename "$folder"
                break
            fi
        done
    done
}
pinned() { awk -v wanted="$1" -v field="$2" -F'"' '
    $2 == "identity" { is = tolower($4) == tolower(wanted) } is && $2 == field { print $4; exit }' "$here/Package.resolved"; }
owner() { dpkg-query -S "$1" 2>/dev/null || dpkg-query -S "$(realpath "$1")" 2>/dev/null || dpkg-query -S "${1#/usr}" 2>/dev/null; }

cat <<EOF
{"spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": "cluster-dns-$version",
 "documentNamespace": "https://spdx.org/spdxdocs/cluster-dns-$version-$seconds",
 "creationInfo": {"created": "$(date -u -d "@$seconds" +%Y-%m-%dT%H:%M:%SZ)", "creators": ["Tool: cluster-dns-bill-of-materials"]},
 "packages": [
EOF
package cluster-dns "$version" NOASSERTION "pkg:generic/cluster-dns@$version"
swift=$(swift --version 2>/dev/null | grep -oE 'Swift version [0-9.]+' | head -n 1 | cut -d' ' -f3)
package swift-runtime "$swift" https://swift.org "pkg:generic/swift@$swift"
while read -r name; do
    location=$(pinned "$name" location)
    location=${location%.git}
    package "$name" "$(pinned "$name" version)" "$location" "pkg:swift/${location#https://}@$(pinned "$name" version)"
done < <(swift_packages)
while read -r name; do
    debian=$(dpkg-query -W -f '${Version}' "$name")
    package "${name%%:*}" "$debian" https://packages.debian.org "pkg:deb/debian/${name%%:*}@$debian?arch=$(dpkg --print-architecture)"
done < <({ ldd "$binary" | grep -oE '/[^ ]+' | while read -r file; do owner "$file"; done | cut -d: -f1
    printf '%s\n' ca-certificates $archives; } | sort -u)
printf '\n ],\n "relationships": [\n'
separator=''
for name in "${names[@]}"; do
    case $name in
        cluster-dns) printf '%s\n    {"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": "SPDXRef-%s"}' "$separator" "$name" ;;
        *) printf '%s\n    {"spdxElementId": "SPDXRef-cluster-dns", "relationshipType": "CONTAINS", "relatedSpdxElement": "SPDXRef-%s"}' "$separator" "$name" ;;
    esac
    separator=,
done
printf '\n ]}\n'
