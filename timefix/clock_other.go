//go:build !linux

package timefix

func wallTime() int64 { return goTime() }

func bootTime() int64 { return 0 }
