#!/usr/bin/env bash
# Builds what a release consists of: a binary for every platform in an archive,
# a software bill of materials (SPDX, from the build information inside the
# binaries), and checksums of it all. Usage: tools/release.sh VERSION
set -euo pipefail
cd "$(dirname "$0")/.."

version=${1:?usage: tools/release.sh VERSION}
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
platforms=${PLATFORMS:-"linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64"}

rm -rf dist
mkdir -p dist
make ui/dist/index.html

for platform in $platforms; do
  os=${platform%/*} arch=${platform#*/}
  name=stagedoor_${version}_${os}_${arch}
  work=$(mktemp -d)
  binary=stagedoor
  [ "$os" = windows ] && binary=stagedoor.exe
  CGO_ENABLED=0 GOOS=$os GOARCH=$arch go build -trimpath \
    -ldflags "-s -w -X main.version=$version" -o "$work/$name/$binary" ./cmd/stagedoor
  cp LICENSE README.md CHANGELOG.md "$work/$name/"
  # Same input, same bytes: order, owner and times are fixed.
  tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$epoch" \
    -C "$work" -cf - "$name" | gzip -n -9 > "dist/$name.tar.gz"
  go -C tools run ./sbom -version "$version" -created "$epoch" "$work/$name/$binary" > "dist/$name.spdx.json"
  rm -rf "$work"
  echo "dist/$name.tar.gz"
done

(cd dist && sha256sum -- *.tar.gz *.spdx.json > SHA256SUMS)
echo dist/SHA256SUMS
