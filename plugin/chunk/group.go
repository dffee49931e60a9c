package chunk

import "out_edge/plugin/wire"

// The times, seconds<<32|nanoseconds, with which Fluent Bit marks the start and end of
// a group: seconds -1 and -2. They have this meaning only in an EventTime inside a v2
// header; a v1 record with such a time, or with the integers -1 and -2, is a record
// whose time is wrong.
const (
	groupStart = 0xffffffff << 32
	groupEnd   = 0xfffffffe << 32
)

// groupMarker handles a group marker. It returns false when the time is not that of
// one.
func (d *Decoder) groupMarker(time uint64, body wire.Value) bool {
	switch time {
	case groupStart:
		d.inGroup = true
		d.group = groupOf(body)
	case groupEnd:
		d.inGroup = false
	default:
		return false
	}
	return true
}

// groupOf reads the body of a start marker:
// {resource: {attributes}, scope: {name, version, attributes}}.
func groupOf(body wire.Value) Group {
	scope := body.Get("scope")
	name, _ := scope.Get("name").Bytes()
	version, _ := scope.Get("version").Bytes()
	return Group{
		Resource:     mapOrEmpty(body.Get("resource").Get("attributes")),
		Scope:        mapOrEmpty(scope.Get("attributes")),
		ScopeName:    name,
		ScopeVersion: version,
	}
}

func mapOrEmpty(v wire.Value) wire.Value {
	if !v.IsMap() {
		return nil
	}
	return v
}
