#!/bin/sh
# Tells whether this machine can run out_edge, and what to do if it cannot.
# Ends with 0 if it can.
set -u
root=${OUT_EDGE_ROOT:-} # where tests keep the loaders

refuse() {
	printf 'no: %s\n' "$1"
	exit 1
}
image="run Fluent Bit from its official container image, which has glibc 2.34 or newer; docs/install.md says how"

# Which library: by the processor, and by the width of the programs on it.
case "$(uname -s)/$(uname -m)" in
Linux/x86_64 | Linux/amd64) platform=amd64 ;;
Linux/aarch64 | Linux/arm64) platform=arm64 ;;
Linux/armv7* | Linux/armv8l) platform=armv7 ;;
Linux/armv6* | Linux/armv5*)
	refuse "the processor is $(uname -m), and the library needs ARMv7: build it on the device with GOARM=6, or log to another device (output forward)" ;;
Linux/*)
	refuse "no library is made for $(uname -m): there are amd64, arm64 and armv7, all little-endian; \`make build\` on the machine itself may work" ;;
*)
	refuse "the library is for Linux, and this is $(uname -s)" ;;
esac
bits=$(getconf LONG_BIT 2>/dev/null)
if [ "$platform" = arm64 ] && { [ "$bits" = 32 ] || [ ! -e "$root/lib/ld-linux-aarch64.so.1" ] && [ -e "$root/lib/ld-linux-armhf.so.3" ]; }; then
	platform=armv7 # 64-bit kernel, 32-bit programs
fi

# Which loader: the processor may run programs of more kinds than are there.
case $platform in
amd64) loader=$root/lib64/ld-linux-x86-64.so.2 ;;
arm64) loader=$root/lib/ld-linux-aarch64.so.1 ;;
armv7) loader=$root/lib/ld-linux-armhf.so.3 ;;
esac

# Which C library: a Go library cannot be loaded by a program on musl. Its ldd
# tells, also where something has put a loader like glibc's beside it.
said=$(ldd --version 2>&1 | head -n 1)
case "$said" in
*musl*) musl=yes ;;
*) musl= ; [ -e "$loader" ] || ! ls "$root"/lib/ld-musl-* >/dev/null 2>&1 || musl=yes ;;
esac
[ -z "$musl" ] ||
	refuse "this system has musl (Alpine, OpenWrt, Armadillo Base OS), where Go libraries cannot be loaded into a program: $image"

if [ "$platform" = amd64 ] && [ "$bits" = 32 ] || [ ! -e "$loader" ] && [ -e "$root/lib/ld-linux.so.2" ]; then
	refuse "the kernel is 64-bit and the programs are 32-bit x86, for which no library is made: $image"
fi
if [ ! -e "$loader" ] && [ -e "$root/lib/ld-linux.so.3" ]; then
	refuse "the programs of this system pass floats in integer registers (armel), and the library is hard-float (armhf): $image"
fi
[ -e "$loader" ] ||
	refuse "the C library of this system is not glibc: there is no $loader: $image"

# Which glibc: by getconf, which small systems lack; else by ldd or the loader.
version=$(getconf GNU_LIBC_VERSION 2>/dev/null)
case "$version" in
glibc\ *) ;;
*)
	case "$said" in
	ldd\ \(*) version=$said ;;
	*) version=$("$loader" --version 2>/dev/null | head -n 1) ;;
	esac ;;
esac
version=${version##* }
version=${version%.}
major=${version%%.*}
minor=${version#*.}
minor=${minor%%.*}
case "$major:$minor" in
*[!0-9:]* | :* | *:)
	refuse "the C library of this system is not glibc 2.34 or newer: $image" ;;
esac
if [ "$major" -lt 2 ] || { [ "$major" -eq 2 ] && [ "$minor" -lt 34 ]; }; then
	refuse "this system has glibc $version, and the library needs 2.34 (Debian 12, Ubuntu 22.04): $image"
fi

printf 'yes: out_edge-linux-%s, glibc %s\n' "$platform" "$version"
agent=$(command -v fluent-bit || ls /opt/fluent-bit/bin/fluent-bit 2>/dev/null)
if [ -n "$agent" ]; then
	printf 'agent: %s, %s\n' "$agent" "$("$agent" --version 2>/dev/null | head -n 1)"
else
	printf 'agent: no fluent-bit on PATH or in /opt/fluent-bit/bin\n'
fi
