package hostmetrics

import (
	"bytes"

	"out_edge/plugin/chunk"
	"out_edge/plugin/wire"
)

// input is the one of Fluent Bit's inputs that wrote a record.
type input uint8

const (
	none input = iota
	cpu
	mem
	thermal
	disk
	netif
	proc
	numInputs
)

// What was found in a record, as bits.
const (
	hasCPU = 1 << iota
	hasUser
	hasSystem
	hasMemTotal
	hasMemUsed
	hasMemFree
	hasZone
	hasType
	hasTemp
	hasRead
	hasWrite
	hasReceive
	hasTransmit
	hasAlive
	hasProcess
	hasPID
	hasText
	hasWord
	hasHostname
	hasHost

	wholeCPU     = hasCPU | hasUser | hasSystem
	wholeMem     = hasMemTotal | hasMemUsed | hasMemFree
	wholeThermal = hasZone | hasType | hasTemp
	wholeDisk    = hasRead | hasWrite
	wholeNetif   = hasReceive | hasTransmit
	wholeProc    = hasAlive | hasProcess | hasPID
)

// Recognises reports whether Observe would accept rec, without side effects. rec is not
// kept; no allocation.
func Recognises(rec *chunk.Record) bool {
	in, _ := recognise(rec.Body)
	return in != none
}

// maxHost is the longest name of a host, in bytes; that of DNS.
const maxHost = 253

// recognise returns which host input wrote a record, by its keys and the types of their
// values, since users choose the tags. All keys of an input must be there. Filters
// often add keys of their own (a host name), so other keys are allowed, except those
// with a log's text. The two keys of a disk record are words that any log may use: with
// them only keys of filters are allowed, whose values are text, and no key that log
// libraries write or that tail adds.
//
// host is the device that the record names, as hostname or host, or nil; it is a view
// into body.
func recognise(body wire.Value) (in input, host []byte) {
	r := body.Reader()
	if r.Next() != wire.Map {
		return none, nil
	}
	var found uint32
	texts, pairs := 0, r.Len()
	for range pairs {
		name := r.Key()
		kind, val := r.Kind(), r.Skip()
		if name == nil {
			continue
		}
		bit := mark(name, val)
		if bit == hasText {
			return none, nil
		}
		if kind == wire.Str {
			texts++
			if bit == hasHostname || bit == hasHost && found&hasHostname == 0 {
				host = r.Bytes()
			}
		}
		found |= bit
	}
	if len(host) > maxHost {
		host = nil
	}
	return inputOf(found, pairs == 2+texts), host
}

// inputOf returns the input of a record with these keys. onlyTexts means that all but
// two of its values are texts.
func inputOf(found uint32, onlyTexts bool) input {
	switch {
	case found == 0:
		return none
	case found&wholeCPU == wholeCPU:
		return cpu
	case found&wholeMem == wholeMem:
		return mem
	case found&wholeNetif == wholeNetif:
		return netif
	case found&wholeThermal == wholeThermal:
		return thermal
	case found&wholeProc == wholeProc:
		return proc
	case found&(wholeDisk|hasWord) == wholeDisk && onlyTexts:
		return disk
	}
	return none
}

// mark returns the bit for one pair, or 0.
func mark(name []byte, val wire.Value) uint32 {
	switch string(name) {
	case "log", "message", "msg":
		return hasText
	case "level", "severity", "event", "error", "file", "path":
		return hasWord
	case "hostname":
		return hasHostname
	case "host":
		return hasHost
	case "cpu_p":
		return when(isNumber(val), hasCPU)
	case "user_p":
		return when(isNumber(val), hasUser)
	case "system_p":
		return when(isNumber(val), hasSystem)
	case "Mem.total":
		return when(isCount(val), hasMemTotal)
	case "Mem.used":
		return when(isCount(val), hasMemUsed)
	case "Mem.free":
		return when(isCount(val), hasMemFree)
	case "name":
		zone, ok := val.Bytes()
		return when(ok && bytes.HasPrefix(zone, []byte("thermal_zone")), hasZone)
	case "type":
		return when(val.Kind() == wire.Str, hasType)
	case "temp":
		return when(isNumber(val), hasTemp)
	case "read_size":
		return when(isCount(val), hasRead)
	case "write_size":
		return when(isCount(val), hasWrite)
	case "alive":
		_, ok := val.Bool()
		return when(ok, hasAlive)
	case "proc_name":
		return when(val.Kind() == wire.Str, hasProcess)
	case "pid":
		return when(isCount(val), hasPID)
	}
	return markDevice(name, val)
}

func markDevice(name []byte, val wire.Value) uint32 {
	switch {
	case len(name) <= len(".rx.bytes"):
	case bytes.HasSuffix(name, []byte(".rx.bytes")):
		return when(isCount(val), hasReceive)
	case bytes.HasSuffix(name, []byte(".tx.bytes")):
		return when(isCount(val), hasTransmit)
	}
	return 0
}

func when(ok bool, bit uint32) uint32 {
	if ok {
		return bit
	}
	return 0
}

func isNumber(v wire.Value) bool {
	k := v.Kind()
	return k == wire.Integer || k == wire.Unsigned || k == wire.Double
}

func isCount(v wire.Value) bool {
	k := v.Kind()
	return k == wire.Integer || k == wire.Unsigned
}
