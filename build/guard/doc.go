// Package guard tests what the steps of a record's way cost: instructions, allocations
// and bytes against stored figures, with 5 % slack. It counts instead of timing, so that
// other work on the machine changes nothing: valgrind's cachegrind counts the
// instructions of a benchmark that runs few times, and of one that runs many times; the
// difference is what the repetitions cost.
package guard
