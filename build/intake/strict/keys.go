package strict

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// checkKeys refuses an object, at any depth, that has a key twice: parsers
// differ in which value they take.
func checkKeys(body []byte) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var open []*object
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("not JSON: %w", err)
		}
		if open, err = step(open, token); err != nil {
			return err
		}
	}
}

// object is one that is not closed yet; keys is nil for an array.
type object struct {
	keys  map[string]bool
	value bool // the next token is a value
}

func step(open []*object, token json.Token) ([]*object, error) {
	delim, isDelim := token.(json.Delim)
	if isDelim && (delim == '}' || delim == ']') {
		return open[:len(open)-1], nil
	}
	if len(open) > 0 {
		isKey, err := open[len(open)-1].take(token)
		if isKey || err != nil {
			return open, err
		}
	}
	switch {
	case !isDelim:
		return open, nil
	case delim == '{':
		return append(open, &object{keys: make(map[string]bool)}), nil
	}
	return append(open, &object{}), nil
}

// take notes a token inside the object and tells whether it was a key.
func (o *object) take(token json.Token) (isKey bool, err error) {
	if o.keys == nil {
		return false, nil
	}
	if o.value {
		o.value = false
		return false, nil
	}
	key := token.(string)
	if o.keys[key] {
		return true, fmt.Errorf("key %q stands twice in one object", key)
	}
	o.keys[key], o.value = true, true
	return true, nil
}
