// Package disttest holds what was made by `make dist` to what is promised of it.
// Its tests need that folder, Debian's packaging tools, qemu and buildah, so they
// stand behind a build tag; `make dist-check` runs them.
package disttest
