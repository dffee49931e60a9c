#!/bin/sh
# Tells whether this machine can run out_edge, and what to do if it cannot.
# Ends with 0 if it can.
set -u

refuse() {
	printf 'no: %s\n' "$1"
	exit 1
}

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
if [ "$platform" = arm64 ] && [ "$(getconf LONG_BIT 2>/dev/null)" = 32 ]; then
	platform=armv7 # 64-bit kernel, 32-bit programs
fi

# Which C library: a Go library cannot be loaded by a program on musl.
libc=$(getconf GNU_LIBC_VERSION 2>/dev/null)
case "$libc" in
glibc\ *) ;;
*)
	if ldd --version 2>&1 | grep -qi musl; then
		refuse "this system has musl (Alpine, OpenWrt, Armadillo Base OS), where Go libraries cannot be loaded into a program: run Fluent Bit from its official container image, which has glibc; docs/install.md says how"
	fi
	refuse "the C library of this system is not glibc 2.34 or newer: run Fluent Bit from its official container image; docs/install.md says how" ;;
esac
version=${libc#glibc }
major=${version%%.*}
minor=${version#*.}
minor=${minor%%.*}
if [ "$major" -lt 2 ] || { [ "$major" -eq 2 ] && [ "$minor" -lt 34 ]; }; then
	refuse "this system has glibc $version, and the library needs 2.34 (Debian 12, Ubuntu 22.04): run Fluent Bit from its official container image; docs/install.md says how"
fi

printf 'yes: out_edge-linux-%s, glibc %s\n' "$platform" "$version"
agent=$(command -v fluent-bit || ls /opt/fluent-bit/bin/fluent-bit 2>/dev/null)
if [ -n "$agent" ]; then
	printf 'agent: %s, %s\n' "$agent" "$("$agent" --version 2>/dev/null | head -n 1)"
else
	printf 'agent: no fluent-bit on PATH or in /opt/fluent-bit/bin\n'
fi
