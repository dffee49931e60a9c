#!/bin/sh
# Builds the container images of all platforms from dist/image, with buildah or
# podman, and writes each to an archive that `podman load` and `docker load` read.
# Usage: build/container/image.sh VERSION DIST
#
#   BUILDER  buildah or podman; otherwise the first of them that is there
#   BASE     the image to build on, otherwise the one that the Containerfile names
#   TAG      the image's name, otherwise localhost/out-edge:latest
#   MAINTAINER, SOURCE   who answers for it, and the address of its source
set -eu

version=$1
dist=$2
tag=${TAG:-localhost/out-edge:latest}
builder=${BUILDER:-}
for tool in buildah podman; do
	[ -n "$builder" ] || ! command -v "$tool" >/dev/null 2>&1 || builder=$tool
done
if [ -z "$builder" ]; then
	echo "image: neither buildah nor podman is installed: \`build/deps.sh image\` installs buildah; with docker: docker buildx build $dist/image" >&2
	exit 1
fi
# One time for all files and layers, so that equal inputs give equal images.
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || echo 0)}
revision=$(git rev-parse HEAD 2>/dev/null || echo unknown)

"$builder" manifest rm "$tag" >/dev/null 2>&1 || "$builder" rmi "$tag" >/dev/null 2>&1 || true
"$builder" manifest create "$tag" >/dev/null
ids=$(mktemp)
trap 'rm -f "$ids"' EXIT
for platform in linux/amd64 linux/arm64 linux/arm/v7; do
	name=$(printf '%s' "${platform#linux/}" | tr -d /)
	# HEALTHCHECK exists in Docker's image format only.
	"$builder" build --format docker --platform "$platform" --timestamp "$epoch" \
		${BASE:+--build-arg BASE="$BASE"} --build-arg VERSION="$version" --build-arg REVISION="$revision" \
		--build-arg MAINTAINER="${MAINTAINER:-}" --build-arg SOURCE="${SOURCE:-}" \
		--iidfile "$ids" --file "$dist/image/Containerfile" "$dist/image"
	id=$(sed s/^sha256:// "$ids")
	rm -f "$dist/out_edge-image-$name.tar"
	"$builder" push --quiet "$id" "docker-archive:$dist/out_edge-image-$name.tar:$tag"
	"$builder" manifest add "$tag" "containers-storage:$id" >/dev/null
done
echo "image: $tag for linux/amd64, linux/arm64 and linux/arm/v7; archives in $dist"
