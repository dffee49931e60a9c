package chunk

import "out_edge/plugin/wire"

// Payload is the kind of data in a payload.
type Payload uint8

// The payloads. Fluent Bit never mixes them.
const (
	Logs    Payload = iota // log events, for a Decoder
	Metrics                // metrics events (cmetrics), for AppendMetrics
	Traces                 // traces (ctraces)
	Unknown                // none of these, or an empty payload
)

// Detect returns what payload holds. The first root value that is an array (a log
// event) or a map like those of metrics and traces decides; anything else before it is
// skipped, as a Decoder skips it.
func Detect(payload []byte) Payload {
	for i := 0; i < len(payload); {
		v := wire.Value(payload[i:])
		switch {
		case wire.IsArray(v[0]):
			return Logs
		case v.IsMap():
			if kind := detectMap(v); kind != Unknown {
				return kind
			}
		}
		end, ok := wire.Skip(payload, i)
		if !ok {
			return Unknown
		}
		i = end
	}
	return Unknown
}

// detectMap distinguishes metrics from traces by their keys. It reads no further than
// the last key that it needs, so that a truncated payload is still recognised.
func detectMap(v wire.Value) Payload {
	r := v.Reader()
	if r.Next() != wire.Map {
		return Unknown
	}
	var meta, metrics bool
	for pairs := r.Len(); pairs > 0 && r.Next() == wire.Str; pairs-- {
		switch string(r.Bytes()) {
		case "resourceSpans":
			return Traces
		case "meta":
			meta = true
		case "metrics":
			metrics = true
		}
		if meta && metrics {
			return Metrics
		}
		if r.Next() == wire.End {
			return Unknown
		}
		r.Skip()
	}
	return Unknown
}
