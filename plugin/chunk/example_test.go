package chunk_test

import (
	"fmt"

	"out_edge/plugin/chunk"
)

// A payload of one record, in the older form without metadata, and a value
// that is none.
func ExampleDecoder() {
	payload := []byte("\x92\xce\x69\x30\x47\xd6\x82\xa3log\xa5hello\xa1n\x07" + "\xc0")

	var d chunk.Decoder
	d.Reset(payload)
	for d.Next() {
		r := d.Record()
		text, _ := r.Body.Get("log").Bytes()
		n, _ := r.Body.Get("n").Int64()
		fmt.Printf("%d: %s, n is %d, time %d in seconds: %v\n",
			r.Index, text, n, r.Time.Bits, r.Time.Form == chunk.Uint)
	}
	fmt.Println("undecodable:", d.Undecodable())
	// Output:
	// 0: hello, n is 7, time 1764771798 in seconds: true
	// undecodable: 1
}
