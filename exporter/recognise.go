package exporter

import (
	"bytes"

	"out_edge/plugin/chunk"
	"out_edge/plugin/wire"
)

// host is the input that wrote a record.
type host uint8

const (
	notHost host = iota
	hostCPU
	hostMem
	hostThermal
	hostDisk
	hostNetif
	hostProc
)

// What is found in a record, as bits.
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

	wholeCPU     = hasCPU | hasUser | hasSystem
	wholeMem     = hasMemTotal | hasMemUsed | hasMemFree
	wholeThermal = hasZone | hasType | hasTemp
	wholeDisk    = hasRead | hasWrite
	wholeNetif   = hasReceive | hasTransmit
	wholeProc    = hasAlive | hasProcess | hasPID
)

// Recognises tells whether Observe would take rec, and changes nothing. rec is
// not kept; no allocation.
func (m *Instance) Recognises(rec *chunk.Record) bool { return recognise(rec.Body) != notHost }

// recognise tells which host input wrote a record, by its keys and the types of
// their values: tags are the user's. All keys of an input must be there.
// Filters often add keys of their own (a host name), so others may stand beside
// them, except those that carry a log's text. The two keys of a disk record are
// words that any log may use: beside them, only what filters add may stand,
// which is text, and no key that log libraries write or that tail adds.
func recognise(body wire.Value) host {
	var found uint32
	texts := 0
	it := body.Map()
	for {
		key, val, ok := it.Next()
		if !ok {
			break
		}
		if name, isText := key.Bytes(); isText {
			found |= mark(name, val)
			if val.Kind() == wire.Str {
				texts++
			}
		}
	}
	switch {
	case found == 0 || found&hasText != 0:
		return notHost
	case found&wholeCPU == wholeCPU:
		return hostCPU
	case found&wholeMem == wholeMem:
		return hostMem
	case found&wholeNetif == wholeNetif:
		return hostNetif
	case found&wholeThermal == wholeThermal:
		return hostThermal
	case found&wholeProc == wholeProc:
		return hostProc
	case found&(wholeDisk|hasWord) == wholeDisk && body.Len() == 2+texts:
		return hostDisk
	}
	return notHost
}

// mark is the bit for one pair, or 0.
func mark(name []byte, val wire.Value) uint32 {
	switch string(name) {
	case "log", "message", "msg":
		return hasText
	case "level", "severity", "event", "error", "file", "path":
		return hasWord
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
