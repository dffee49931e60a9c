// Package check finds what is wrong with the `edge` outputs of a Fluent Bit
// configuration before an agent is started with it: Read takes the classic and the
// YAML format apart, with includes and the environment; Check reads each output's
// properties and its config_file as the plugin does, from the same tables, and adds
// the file and line.
//
// Only what concerns these outputs is judged. Fluent Bit itself checks the rest
// (`fluent-bit --dry-run`).
package check
