// Package pack knows what a release is made of: the platforms, the names of the
// artefacts, how each library is compiled, and what an archive holds.
//
// Everything is a function of the source tree, the version and one instant (the
// commit's), so two runs on two machines give the same bytes.
package pack
