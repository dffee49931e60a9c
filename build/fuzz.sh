#!/bin/sh
# Runs each fuzz target of the module for a while. Usage: build/fuzz.sh [TIME]
set -eu
time="${1:-60s}"
for pkg in $(grep -rlE --include='*_test.go' '^func Fuzz' . | xargs -n1 dirname | sort -u); do
	for target in $(go test -list '^Fuzz' "$pkg" | grep '^Fuzz'); do
		echo "== $pkg $target"
		go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 1x "$pkg"
	done
done
