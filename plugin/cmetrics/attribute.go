package cmetrics

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"strconv"
	"strings"

	"out_edge/plugin/wire"
)

// textOfAttribute returns an attribute's value as text like OpenTelemetry: lists and
// maps are JSON, bytes base64.
func textOfAttribute(v wire.Value) string {
	switch v.Kind() {
	case wire.Str:
		return strings.ToValidUTF8(string(textOf(v)), "\uFFFD")
	case wire.Bin:
		return base64.StdEncoding.EncodeToString(textOf(v))
	case wire.Nil, wire.End, wire.Ext:
		return ""
	default:
		return string(appendJSON(nil, v, 0))
	}
}

// maxJSONDepth is how deep lists may be nested.
const maxJSONDepth = 8

func appendJSON(dst []byte, v wire.Value, depth int) []byte {
	switch v.Kind() {
	case wire.Bool:
		b, _ := v.Bool()
		return strconv.AppendBool(dst, b)
	case wire.Integer:
		n, _ := v.Int64()
		return strconv.AppendInt(dst, n, 10)
	case wire.Unsigned:
		n, _ := v.Uint64()
		return strconv.AppendUint(dst, n, 10)
	case wire.Double:
		return appendDouble(dst, v)
	case wire.Array, wire.Map:
		if depth < maxJSONDepth {
			return appendContainer(dst, v, depth)
		}
		return append(dst, "null"...)
	case wire.Nil, wire.End, wire.Ext:
		return append(dst, "null"...)
	default:
		text, err := json.Marshal(textOfAttribute(v))
		if err != nil {
			return append(dst, "null"...)
		}
		return append(dst, text...)
	}
}

func appendDouble(dst []byte, v wire.Value) []byte {
	f, _ := v.Float64()
	if text, err := json.Marshal(f); err == nil {
		return append(dst, text...)
	}
	return strconv.AppendFloat(dst, f, 'f', -1, 64) // NaN, +Inf, -Inf
}

func appendContainer(dst []byte, v wire.Value, depth int) []byte {
	if !v.IsMap() {
		dst = append(dst, '[')
		it := v.Array()
		for e, ok := it.Next(); ok; e, ok = it.Next() {
			dst = append(appendJSON(dst, e, depth+1), ',')
		}
		return closed(dst, '[', ']')
	}
	dst = append(dst, '{')
	for it := v.Map(); ; {
		key, e, ok := it.Next()
		if !ok {
			return closed(dst, '{', '}')
		}
		dst = append(appendJSON(dst, key, math.MaxInt), ':')
		dst = append(appendJSON(dst, e, depth+1), ',')
	}
}

// closed ends a container and removes the last comma.
func closed(dst []byte, open, end byte) []byte {
	if dst[len(dst)-1] != open {
		dst = dst[:len(dst)-1]
	}
	return append(dst, end)
}
