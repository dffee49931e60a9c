// Package elfcheck reads a shared library and tells what a device's loader will
// make of it: for which machine it is, what it needs, what it exports, and how
// new a glibc it asks for. It uses debug/elf alone, so it checks a library of
// any platform on any machine.
package elfcheck
