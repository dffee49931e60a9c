package chunk_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"out_edge/build/testkit"
	"out_edge/plugin/chunk"
	"out_edge/plugin/wire"
)

// widths of the head of an array or map of n values, by name.
func arrayHeads(n byte) map[string]string {
	return map[string]string{
		"fixarray": fmt.Sprintf("%02x", 0x90|n),
		"array16":  fmt.Sprintf("dc%04x", n),
		"array32":  fmt.Sprintf("dd%08x", n),
	}
}

func mapHeads(n byte) map[string]string {
	return map[string]string{
		"fixmap": fmt.Sprintf("%02x", 0x80|n),
		"map16":  fmt.Sprintf("de%04x", n),
		"map32":  fmt.Sprintf("df%08x", n),
	}
}

// times has every way to write a time, and what it decodes to.
var times = []struct{ name, raw, want string }{
	{"EventTime fixext8", "d700 693047d6 2dbaac8d", "event:693047d62dbaac8d"},
	{"EventTime ext8", "c70800 693047d6 2dbaac8d", "event:693047d62dbaac8d"},
	{"EventTime ext16", "c8000800 693047d6 2dbaac8d", "event:693047d62dbaac8d"},
	{"EventTime ext32", "c90000000800 693047d6 2dbaac8d", "event:693047d62dbaac8d"},
	{"EventTime of the largest values", "d700 fffffffd ffffffff", "event:fffffffdffffffff"},
	{"positive fixint", "07", "uint:0000000000000007"},
	{"largest positive fixint", "7f", "uint:000000000000007f"},
	{"uint8", "ccff", "uint:00000000000000ff"},
	{"uint16", "cdffff", "uint:000000000000ffff"},
	{"uint32", "ce693047d6", "uint:00000000693047d6"},
	{"uint64", "cf0000019ae4989eef", "uint:0000019ae4989eef"},
	{"uint64 over int64", "cfffffffffffffffff", "uint:ffffffffffffffff"},
	{"negative fixint", "ff", "int:ffffffffffffffff"},
	{"smallest negative fixint", "e0", "int:ffffffffffffffe0"},
	{"int8", "d080", "int:ffffffffffffff80"},
	{"int16", "d18000", "int:ffffffffffff8000"},
	{"int32", "d2e4989eef", "int:ffffffffe4989eef"},
	{"int32, positive", "d2693047d6", "int:00000000693047d6"},
	{"int64", "d3ffffffffe4989eef", "int:ffffffffe4989eef"},
	{"int64, positive", "d30000019ae4989eef", "int:0000019ae4989eef"},
	{"float32", "ca3fc00000", "float:3ff8000000000000"},
	{"float64", "cb41da4c11f5a00000", "float:41da4c11f5a00000"},
	{"float64 NaN", "cb7ff8000000000000", "float:7ff8000000000000"},
	{"nil", "c0", "absent:0000000000000000"},
	{"true", "c3", "absent:0000000000000000"},
	{"str", "a3312e35", "absent:0000000000000000"},
	{"bin", "c403312e35", "absent:0000000000000000"},
	{"map", "81a17401", "absent:0000000000000000"},
	{"ext of another type", "d701 693047d6 2dbaac8d", "absent:0000000000000000"},
	{"ext of 4 bytes", "d600 693047d6", "absent:0000000000000000"},
	{"ext of 9 bytes", "c70900 693047d6 2dbaac8d 00", "absent:0000000000000000"},
	{"ext without data", "c70000", "absent:0000000000000000"},
}

// TestTimesAndHeads decodes each time under each width of each header, as v1
// and as v2, two records in a row.
func TestTimesAndHeads(t *testing.T) {
	for _, time := range times {
		raw := strings.ReplaceAll(time.raw, " ", "")
		for arrayName, array := range arrayHeads(2) {
			for mapName, body := range mapHeads(1) {
				tail := fmt.Sprintf("raw=%s meta=", raw)
				check := func(version, payload, meta string) {
					t.Helper()
					records, d := decode(testkit.Unhex(t, payload+payload))
					want := fmt.Sprintf("time=%s %s%s body={\"m\": \"x\"}", time.want, tail, meta)
					if !slices.Equal(records, []string{"#0 " + want, "#1 " + want}) || d.Undecodable() != 0 || d.Truncated() {
						t.Errorf("%s, %s, %s, %s:\n got %q\nwant %q", time.name, version, arrayName, mapName, records, want)
					}
				}
				check("v1", array+time.raw+body+"a16da178", "-")
				for headName, head := range arrayHeads(2) {
					check("v2 "+headName, array+head+time.raw+"80"+body+"a16da178", "{}")
				}
			}
		}
	}
}

func TestMetadata(t *testing.T) {
	for _, test := range []struct{ name, header, want string }{
		{"fixmap", "92 07 81a16101", `{"a": 1}`},
		{"map16", "92 07 de0001a16101", `{"a": 1}`},
		{"map32", "92 07 df00000001a16101", `{"a": 1}`},
		{"empty", "92 07 80", "{}"},
		{"missing", "91 07", "-"},
		{"nil", "92 07 c0", "-"},
		{"str", "92 07 a161", "-"},
		{"array", "92 07 9101", "-"},
		{"followed by another", "93 07 81a16101 80", `{"a": 1}`},
		{"missing as the time is", "90", "-"},
	} {
		records, d := decode(testkit.Unhex(t, "92"+test.header+"81a16da178"))
		if len(records) != 1 || d.Undecodable() != 0 || !strings.Contains(records[0], " meta="+test.want+" body={\"m\": \"x\"}") {
			t.Errorf("%s: %q, undecodable %d, want meta=%s", test.name, records, d.Undecodable(), test.want)
		}
	}
}

// good is a record that must survive whatever stands beside it.
const good = "92 07 81a16da178"

// TestUndecodable puts a bad root value between two good records.
func TestUndecodable(t *testing.T) {
	deep := func(levels int) string {
		// The record's own array and the body's map are two of the levels.
		return "92 07 81a16b" + strings.Repeat("91", levels-2) + "c0"
	}
	for _, test := range []struct {
		name, payload string
		bad           int
	}{
		{"nothing", "", 0},
		{"positive fixint", "00", 1},
		{"nil", "c0", 1},
		{"never used", "c1", 1},
		{"two never used", "c1c1", 2},
		{"never used in the body", "92 07 81a16dc1", 1},
		{"never used as the time", "92 c1 81a16da178", 1},
		{"never used as a key", "92 07 81c1a178", 1},
		{"str", "a3616263", 1},
		{"str32", "db00000003616263", 1},
		{"bin8", "c403616263", 1},
		{"ext", "d700 693047d6 2dbaac8d", 1},
		{"map", "81a16da178", 1},
		{"empty array", "90", 1},
		{"array of one", "9107", 1},
		{"header alone", "91 92 07 80", 1},
		{"empty array32", "dd00000000", 1},
		{"body is nil", "92 07 c0", 1},
		{"body is a str", "92 07 a161", 1},
		{"body is an array", "92 92 07 80 9101", 1},
		{"body is an integer", "92 07 07", 1},
		{"tag before the time", "93 a3746167 07 81a16da178", 1},
		{"no record for three elements", "93 07 07 81a16da178", 1},
		{"as deep as may be", deep(wire.MaxDepth), -1},
		{"one too deep", deep(wire.MaxDepth + 1), 1},
		{"much too deep", deep(5000), 1},
		{"too deep before more", "93 07 81a16b" + strings.Repeat("92", 100) + "c0" + strings.Repeat("c0", 100) + "c0", 1},
		{"too deep by an empty map", "92 07 81a16b" + strings.Repeat("91", wire.MaxDepth-2) + "80", 1},
	} {
		records, d := decode(testkit.Unhex(t, good+test.payload+good))
		want := 2
		if test.bad < 0 {
			want, test.bad = 3, 0
		}
		if len(records) != want || d.Undecodable() != test.bad || d.Truncated() {
			t.Errorf("%s: %d records, undecodable %d, truncated %v; want %d, %d", test.name, len(records), d.Undecodable(), d.Truncated(), want, test.bad)
			continue
		}
		index := want - 1 + test.bad
		if last := records[want-1]; !strings.HasPrefix(last, fmt.Sprintf("#%d ", index)) {
			t.Errorf("%s: last record %s, want index %d", test.name, last, index)
		}
	}
}

// TestTruncated ends a payload inside a value, or has it say that it does.
func TestTruncated(t *testing.T) {
	for _, test := range []struct{ name, payload string }{
		{"record without body", "92 07"},
		{"array16 without length", "dc00"},
		{"array32 without length", "dd000000"},
		{"array32 of 4294967295", "ddffffffff"},
		{"map32 of 4294967295", "dfffffffff"},
		{"map32 of 2147483648", "df80000000"},
		{"body of 4294967295 pairs", "92 07 dfffffffff a16da178"},
		{"str8", "92 07 81a16d d905 6162"},
		{"str16", "92 07 81a16d daffff 6162"},
		{"str32 of 4294967295", "92 07 81a16d dbffffffff 6162"},
		{"str32 of 2147483648", "92 07 81a16d db80000000 6162"},
		{"bin32 of 4294967295", "92 07 81a16d c6ffffffff 6162"},
		{"ext32 of 4294967295", "92 c9ffffffff 00 81a16da178"},
		{"ext8 without type", "92 c700"},
		{"fixstr", "92 07 81a16d a561"},
		{"float64", "92 07 81a16d cb0000"},
		{"fixext16", "92 07 81a16d d80000"},
		{"too deep", "92 07 81a16d" + strings.Repeat("91", 1000)},
		{"too deep with lengths that overflow 32 bits", "92 07 81a16d" + strings.Repeat("dd10000000", 100) + "c0"},
		{"more elements than bytes", "9f"},
	} {
		records, d := decode(testkit.Unhex(t, good+test.payload))
		if len(records) != 1 || d.Undecodable() != 1 || !d.Truncated() {
			t.Errorf("%s: %d records, undecodable %d, truncated %v; want 1, 1, true", test.name, len(records), d.Undecodable(), d.Truncated())
		}
	}
}

// TestManyWanted nests arrays that each want as many values as there are bytes
// left: together more than 32 bits can count.
func TestManyWanted(t *testing.T) {
	const size = 40 << 20
	payload := make([]byte, size)
	for i := range 100 {
		payload[5*i] = 0xdd
		binary.BigEndian.PutUint32(payload[5*i+1:], uint32(size-5*i-5))
	}
	var d chunk.Decoder
	d.Reset(payload)
	if d.Next() || d.Undecodable() != 1 || !d.Truncated() {
		t.Errorf("undecodable %d, truncated %v; want 1, true", d.Undecodable(), d.Truncated())
	}
	r := wire.Value(payload).Reader()
	if r.Next() != wire.Array || r.Skip() != nil || !r.Failed() {
		t.Error("skipped what is not there")
	}
}

// TestMoreElements reads records that have more than they should: the rest is
// passed over.
func TestMoreElements(t *testing.T) {
	records, d := decode(testkit.Unhex(t, "93 07 81a16da178 81a16201"+good))
	want := []string{
		`#0 time=uint:0000000000000007 raw=07 meta=- body={"m": "x"}`,
		`#1 time=uint:0000000000000007 raw=07 meta=- body={"m": "x"}`,
	}
	if !slices.Equal(records, want) || d.Undecodable() != 0 {
		t.Errorf("got %q, undecodable %d", records, d.Undecodable())
	}
}

const (
	startTime = "d700 ffffffff 00000000"
	endTime   = "d700 fffffffe 00000000"
	// {resource: {attributes: {r: 1}}, scope: {name: n, version: 2, attributes: {s: 3}}}
	startBody = "82 a87265736f75726365 81 aa61747472696275746573 81a17201" +
		"a573636f7065 83 a46e616d65a16e a776657273696f6ea132 aa61747472696275746573 81a17303"
)

func TestGroups(t *testing.T) {
	const (
		plain   = `time=uint:0000000000000007 raw=07 meta=- body={"m": "x"}`
		full    = ` group(resource={"r": 1} scope={"s": 3} name="n" version="2")`
		nothing = ` group(resource=- scope=- name="" version="")`
	)
	start := "92 92" + startTime + "80" + startBody
	end := "92 92" + endTime + "80 80"
	for _, test := range []struct {
		name, payload string
		want          []string
		undecodable   int
	}{
		{"around records", good + start + good + good + end + good,
			[]string{"#0 " + plain, "#2 " + plain + full, "#3 " + plain + full, "#5 " + plain}, 0},
		{"wide headers", "dd00000002 dd00000002" + startTime + "df00000000" + startBody + good,
			[]string{"#1 " + plain + full}, 0},
		{"ext8", "92 92 c70800 ffffffff 00000000 80" + startBody + good, []string{"#1 " + plain + full}, 0},
		{"without an end", start + good, []string{"#1 " + plain + full}, 0},
		{"an end without a start", end + good, []string{"#1 " + plain}, 0},
		{"a second start", start + "92 92" + startTime + "80 80" + good, []string{"#2 " + plain + nothing}, 0},
		{"an empty body", "92 92" + startTime + "80 80" + good, []string{"#1 " + plain + nothing}, 0},
		{"a body that is no map", "92 92" + startTime + "80 c0" + good, []string{"#1 " + plain + nothing}, 0},
		{"attributes of other kinds", "92 92" + startTime + "80 82 a87265736f75726365 81 aa61747472696275746573 07 a573636f7065 81 a46e616d65 07" + good,
			[]string{"#1 " + plain + nothing}, 0},
		{"no metadata", "92 91" + startTime + startBody + good, []string{"#1 " + plain + full}, 0},
		{"a bad record inside", start + "c0" + good, []string{"#2 " + plain + full}, 1},
		{"nanoseconds", "92 92 d700 ffffffff 00000001 80 81a16da178" + good,
			[]string{`#0 time=event:ffffffff00000001 raw=d700ffffffff00000001 meta={} body={"m": "x"}`, "#1 " + plain}, 0},
		{"v1, start", "92" + startTime + "81a16da178" + good,
			[]string{`#0 time=event:ffffffff00000000 raw=d700ffffffff00000000 meta=- body={"m": "x"}`, "#1 " + plain}, 0},
		{"v1, end inside a group", start + "92" + endTime + "81a16da178",
			[]string{`#1 time=event:fffffffe00000000 raw=d700fffffffe00000000 meta=- body={"m": "x"}` + full}, 0},
		{"integers -1 and -2", "92 92 ff 80 81a16da178" + "92 fe 81a16da178",
			[]string{`#0 time=int:ffffffffffffffff raw=ff meta={} body={"m": "x"}`, `#1 time=int:fffffffffffffffe raw=fe meta=- body={"m": "x"}`}, 0},
	} {
		records, d := decode(testkit.Unhex(t, test.payload))
		if !slices.Equal(records, test.want) || d.Undecodable() != test.undecodable || d.Truncated() {
			t.Errorf("%s: undecodable %d\n got %q\nwant %q", test.name, d.Undecodable(), records, test.want)
		}
	}
}

// TestReset sees to it that nothing of a payload is left for the next one.
func TestReset(t *testing.T) {
	var d chunk.Decoder
	d.Reset(testkit.Unhex(t, "92 92"+startTime+"80"+startBody+"c0"+"92 07"))
	for d.Next() {
	}
	if d.Undecodable() != 2 || !d.Truncated() {
		t.Fatalf("undecodable %d, truncated %v", d.Undecodable(), d.Truncated())
	}
	d.Reset(testkit.Unhex(t, good))
	if !d.Next() || d.Record().Group != nil || d.Record().Index != 0 || d.Undecodable() != 0 || d.Truncated() {
		t.Errorf("left over: %+v, undecodable %d, truncated %v", d.Record(), d.Undecodable(), d.Truncated())
	}
	d.Reset(nil)
	if d.Next() || d.Record().Body != nil {
		t.Error("a record of nothing")
	}
}

func TestDetect(t *testing.T) {
	for _, test := range []struct {
		name, payload string
		want          chunk.Payload
	}{
		{"empty", "", chunk.Unknown},
		{"record", good, chunk.Logs},
		{"array16", "dc000207 80", chunk.Logs},
		{"array32", "dd0000000207 80", chunk.Logs},
		{"cut record", "92", chunk.Logs},
		{"record after others", "07 c1 a161 80 81a16101" + good, chunk.Logs},
		{"scalars", "07 c0 c1", chunk.Unknown},
		{"cut str", "a5 61", chunk.Unknown},
		{"map of something", "81a16101", chunk.Unknown},
		{"map without members", "80", chunk.Unknown},
		{"meta alone", "81a46d65746180", chunk.Unknown},
		{"metrics alone", "81a76d65747269637390", chunk.Unknown},
		{"meta and metrics", "82 a46d65746180 a76d65747269637390", chunk.Metrics},
		{"metrics and meta, map16", "de0002 a76d65747269637390 a46d65746180", chunk.Metrics},
		{"metrics, cut inside", "82 a46d65746180 a76d657472696373 95", chunk.Metrics},
		{"metrics, cut before", "82 a46d65746185", chunk.Unknown},
		{"other members first", "83 a161c0 a46d65746180 a76d65747269637390", chunk.Metrics},
		{"integer key", "83 01c0 a46d65746180 a76d65747269637390", chunk.Unknown},
		{"resourceSpans", "81ad7265736f757263655370616e7390", chunk.Traces},
		{"resourceSpans, cut", "81ad7265736f757263655370616e73 9f", chunk.Traces},
	} {
		if got := chunk.Detect(testkit.Unhex(t, test.payload)); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, payloadName(got), payloadName(test.want))
		}
	}
}

// TestNoAllocations is the budget of the hot path.
func TestNoAllocations(t *testing.T) {
	payload := slices.Concat(
		testkit.Unhex(t, "92 92"+startTime+"80"+startBody), chunkOf(t, 1000), testkit.Unhex(t, "c0 92 92"+endTime+"80 80"))
	var d chunk.Decoder
	var records, tokens, found int
	allocs := testkit.Allocs(func() {
		records, tokens, found = 0, 0, 0
		d.Reset(payload)
		for d.Next() {
			rec := d.Record()
			records++
			r := rec.Body.Reader()
			for r.Next() != wire.End {
				tokens++
			}
			if n, ok := rec.Body.Get("status").Int64(); ok && n == 200 {
				found++
			}
			if b, ok := rec.Group.Resource.Get("r").Bytes(); ok || b != nil {
				found++
			}
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations for 1000 records, want 0", allocs)
	}
	if records != 1000 || tokens != 21*records || found != records {
		t.Errorf("%d records, %d tokens, %d found", records, tokens, found)
	}
}

// TestHostile decodes payloads that are made to make a decoder allocate, and
// lets it allocate nothing.
func TestHostile(t *testing.T) {
	const large = 5 << 20
	head := func(hexHead string) []byte {
		b := make([]byte, large)
		copy(b, testkit.Unhex(t, hexHead))
		return b
	}
	nested := bytes.Repeat([]byte{0x91}, large)
	maps := bytes.Repeat([]byte{0x81, 0x01}, large/2)
	lying := make([]byte, 0, large)
	for len(lying)+5 <= large {
		lying = append(lying, 0xdd)
		lying = binary.BigEndian.AppendUint32(lying, uint32(large-len(lying)-4))
	}
	for _, test := range []struct {
		name        string
		payload     []byte
		records     int
		undecodable int
		truncated   bool
	}{
		{"arrays in arrays", nested, 0, 1, true},
		{"maps in maps", maps, 0, 1, true},
		{"arrays as long as the rest", lying, 0, 1, true},
		{"array32 of 4294967295", head("ddffffffff"), 0, 1, true},
		{"map32 of 4294967295", head("dfffffffff"), 0, 1, true},
		{"str32 of 4294967295", head("dbffffffff"), 0, 1, true},
		{"bin32 of 4294967295", head("c6ffffffff"), 0, 1, true},
		{"ext32 of 4294967295", head("c9ffffffff"), 0, 1, true},
		{"array32 of all bytes", head("dd004ffffb"), 0, 1, false},
		{"body of half as many pairs", head("9207df0027fffc"), 1, 1, false},
		{"scalars", make([]byte, large), 0, large, false},
		{"never used", bytes.Repeat([]byte{0xc1}, large), 0, large, false},
		{"empty arrays", bytes.Repeat([]byte{0x90}, large), 0, large, false},
		{"empty records", bytes.Repeat([]byte{0x92, 0x00, 0x80}, large/3), large / 3, 0, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			records := 0
			var d chunk.Decoder
			allocs := testkit.Allocs(func() {
				records = 0
				d.Reset(test.payload)
				for d.Next() {
					records++
				}
				chunk.Detect(test.payload)
			})
			if allocs != 0 {
				t.Errorf("%v allocations", allocs)
			}
			if records != test.records || d.Undecodable() != test.undecodable || d.Truncated() != test.truncated {
				t.Errorf("%d records, undecodable %d, truncated %v; want %d, %d, %v",
					records, d.Undecodable(), d.Truncated(), test.records, test.undecodable, test.truncated)
			}
		})
	}
}
