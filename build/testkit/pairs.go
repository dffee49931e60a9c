package testkit

import "github.com/vmihailenco/msgpack/v5"

// Pairs is a map in a fixed order for msgpack: key, value, key, value, ...
type Pairs []any

// EncodeMsgpack writes the map.
func (p Pairs) EncodeMsgpack(e *msgpack.Encoder) error {
	if err := e.EncodeMapLen(len(p) / 2); err != nil {
		return err
	}
	return e.EncodeMulti(p...)
}
