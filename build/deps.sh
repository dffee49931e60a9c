#!/bin/sh
# Installs the Debian packages that a make target needs and the machine lacks.
# Usage: build/deps.sh build|test|dist|image|check
set -eu

# command or file:package
build="gcc:gcc /usr/include/stdio.h:libc6-dev"
# Debian's cross compilers only recommend the C library that they compile for.
dist="x86_64-linux-gnu-gcc:gcc-x86-64-linux-gnu arm-linux-gnueabihf-gcc:gcc-arm-linux-gnueabihf aarch64-linux-gnu-gcc:gcc-aarch64-linux-gnu"
for pair in x86_64-linux-gnu:amd64 arm-linux-gnueabihf:armhf aarch64-linux-gnu:arm64; do
	[ -e "/usr/include/${pair%:*}" ] || dist="$dist /usr/${pair%:*}/include:libc6-dev-${pair#*:}-cross"
done
test="$dist qemu-arm-static:qemu-user-static valgrind:valgrind prometheus:prometheus promtool:prometheus chromium:chromium victoria-metrics:victoria-metrics"
image="buildah:buildah"
check="$image qemu-arm-static:qemu-user-static dpkg-deb:dpkg systemd-analyze:systemd xz:xz-utils fakeroot:fakeroot"

case "${1:-}" in
build) want="$build" ;;
test) want="$build $test" ;;
dist) want="$build $dist" ;;
image) want="$build $dist $image" ;;
check) want="$build $dist $check" ;;
*) echo "usage: build/deps.sh build|test|dist|image|check" >&2; exit 2 ;;
esac

if ! command -v go >/dev/null 2>&1; then
	echo "Go 1.26 or newer is needed (Debian's own is older): see https://go.dev/doc/install" >&2
	exit 1
fi

missing=
for pair in $want; do
	command -v "${pair%%:*}" >/dev/null 2>&1 || [ -e "${pair%%:*}" ] || missing="$missing ${pair#*:}"
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
	echo "these Debian packages are needed, or what your system calls them:$missing" >&2
	exit 1
fi
sudo=
[ "$(id -u)" = 0 ] || sudo=sudo
echo "installing:$missing"
export DEBIAN_FRONTEND=noninteractive
# One list that cannot be fetched (a mirror of something else that is down) is no
# reason to stop: what is needed may be on the others, or here already.
$sudo apt-get update -qq || echo "some package lists could not be fetched: trying with what there is" >&2
# Services of the packages are not wanted, only their programs: a policy of 101
# keeps them from starting. It goes again however this ends.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
	trap '$sudo rm -f "$policy"' EXIT
	trap 'exit 130' INT TERM HUP
	printf '#!/bin/sh\nexit 101\n' | $sudo tee "$policy" >/dev/null
	$sudo chmod 755 "$policy"
fi
# shellcheck disable=SC2086
$sudo apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends $missing
