package ddsink_test

import (
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"out_edge/build/testkit"
	"out_edge/ddsink"
	"out_edge/plugin/chunk"
)

// TestGoldenChunks encodes what real Fluent Bits have handed over.
func TestGoldenChunks(t *testing.T) {
	golden, err := filepath.Glob("testdata/golden/*.jsonl")
	if err != nil || len(golden) < 19 {
		t.Fatal("golden files", golden, err)
	}
	for _, file := range golden {
		name := strings.TrimSuffix(filepath.Base(file), ".jsonl")
		t.Run(name, func(t *testing.T) {
			host, input := name[:len("amd64-v5.1.1")], name[len("amd64-v5.1.1."):]
			payload := testkit.Payload(t, host, input)
			e := ddsink.NewEntries(ddsink.Config{Service: "svc-property", Tags: "env:test,team:edge", Source: "edge", IncludeTagKey: true})
			var got []byte
			decode(payload, func(r *chunk.Record) {
				before := len(got)
				got = e.Append(got, r, "the.tag", nano(r.Time)/1e6)
				if _, err := strictObject(got[before:]); err != nil {
					t.Error(err)
				}
				got = append(got, '\n')
			})
			testkit.GoldenFile(t, file, string(got))
		})
	}
}

func TestEntry(t *testing.T) {
	otlp := func(p ...any) pairs { return pairs{"otlp", pairs(p)} }
	traceID := []byte{0, 1, 2, 3, 4, 5, 6, 7, 0, 0, 0, 0, 0, 0, 1, 0}
	spanID := []byte{0, 0, 0, 0, 0, 0, 2, 1}
	ecs := func(c *ddsink.Config) { c.Provider = "ecs" }
	tests := []struct {
		name     string
		change   func(*ddsink.Config)
		body     pairs
		metadata any
		group    *chunk.Group
		want     string
	}{
		{
			name: "log becomes message",
			body: pairs{"log", "hello", "level", "info"},
			want: `{"timestamp":7,"level":"info","message":"hello"}`,
		},
		{
			name: "no message where the record has none",
			body: pairs{"cpu_p", 1.5},
			want: `{"timestamp":7,"cpu_p":1.5}`,
		},
		{
			name: "its own message when there is no log",
			body: pairs{"message", "own"},
			want: `{"timestamp":7,"message":"own"}`,
		},
		{
			name: "its own message makes room for log, whatever the order",
			body: pairs{"message", "own", "log", "hello"},
			want: `{"timestamp":7,"record.message":"own","message":"hello"}`,
		},
		{
			name:   "dd_message_key",
			change: func(c *ddsink.Config) { c.MessageKey = "msg" },
			body:   pairs{"log", "kept", "msg", "hello"},
			want:   `{"timestamp":7,"log":"kept","message":"hello"}`,
		},
		{
			name: "a log that is a map stays an attribute",
			body: pairs{"log", pairs{"a", 1}, "message", "own"},
			want: `{"timestamp":7,"log":{"a":1},"message":"own"}`,
		},
		{
			name: "a message that is a map makes room",
			body: pairs{"message", pairs{"a", 1}},
			want: `{"timestamp":7,"record.message":{"a":1}}`,
		},
		{
			name: "a number as message",
			body: pairs{"log", 5},
			want: `{"timestamp":7,"message":"5"}`,
		},
		{
			name: "nil as message",
			body: pairs{"log", nil},
			want: `{"timestamp":7,"message":""}`,
		},
		{
			name: "bytes as message",
			body: pairs{"log", []byte("raw")},
			want: `{"timestamp":7,"message":"raw"}`,
		},
		{
			name: "a blank log does not hide the message",
			body: pairs{"log", " \n", "message", "own"},
			want: `{"timestamp":7,"log":" \n","message":"own"}`,
		},
		{
			name: "a blank message does not hide another logger's",
			body: pairs{"message", "", "msg", "hello"},
			want: `{"timestamp":7,"msg":"hello","message":"hello"}`,
		},
		{
			name: "of several the first that says something, each under its own name too",
			body: pairs{"short_message", "s", "Message", "m", "MESSAGE", "\t", "msg", pairs{"a", 1}},
			want: `{"timestamp":7,"short_message":"s","Message":"m","MESSAGE":"\t","msg":{"a":1},"message":"m"}`,
		},
		{
			name: "a text before a number",
			body: pairs{"log", 5, "msg", "hello"},
			want: `{"timestamp":7,"msg":"hello","log":5,"message":"hello"}`,
		},
		{
			name: "a blank message that the record had",
			body: pairs{"message", "", "n", 1},
			want: `{"timestamp":7,"n":1,"message":""}`,
		},
		{
			name:   "the default key under another dd_message_key",
			change: func(c *ddsink.Config) { c.MessageKey = "text" },
			body:   pairs{"log", "hello"},
			want:   `{"timestamp":7,"log":"hello","message":"hello"}`,
		},
		{
			name:     "an OTLP attribute is no message",
			body:     pairs{"n", 1},
			metadata: otlp("attributes", pairs{"msg", "hello"}),
			want:     `{"timestamp":7,"n":1,"msg":"hello"}`,
		},
		{
			name: "its own timestamp is kept",
			body: pairs{"timestamp", "2026-01-01", "log", "x"},
			want: `{"timestamp":7,"record.timestamp":"2026-01-01","message":"x"}`,
		},
		{
			name: "its own timestamp is the same",
			body: pairs{"timestamp", 7, "log", "x"},
			want: `{"timestamp":7,"message":"x"}`,
		},
		{
			name: "its own @timestamp says something else",
			body: pairs{"@timestamp", "2026-11-27T12:00:00.000Z", "log", "x"},
			want: `{"timestamp":7,"record.@timestamp":"2026-11-27T12:00:00.000Z","message":"x"}`,
		},
		{
			name: "its own @timestamp is no time",
			body: pairs{"@timestamp", "yesterday", "log", "x"},
			want: `{"timestamp":7,"record.@timestamp":"yesterday","message":"x"}`,
		},
		{
			name: "its own @timestamp is the same, in another zone",
			body: pairs{"@timestamp", "1970-01-01T09:00:00.007+0900", "log", "x"},
			want: `{"timestamp":7,"@timestamp":"1970-01-01T09:00:00.007+0900","message":"x"}`,
		},
		{
			name: "its own @timestamp is the same, in whole seconds",
			body: pairs{"@timestamp", "1970-01-01T00:00:00Z", "log", "x"},
			want: `{"timestamp":7,"@timestamp":"1970-01-01T00:00:00Z","message":"x"}`,
		},
		{
			name: "its own @timestamp in ms",
			body: pairs{"@timestamp", 1007, "log", "x"},
			want: `{"timestamp":7,"record.@timestamp":1007,"message":"x"}`,
		},
		{
			name:   "json_date_key is @timestamp",
			change: func(c *ddsink.Config) { c.DateKey = "@timestamp" },
			body:   pairs{"@timestamp", "yesterday", "log", "x"},
			want:   `{"@timestamp":7,"record.@timestamp":"yesterday","message":"x"}`,
		},
		{
			name:   "json_date_key",
			change: func(c *ddsink.Config) { c.DateKey = "@time" },
			body:   pairs{"timestamp", 5, "@time", 6},
			want:   `{"@time":7,"timestamp":5,"record.@time":6}`,
		},
		{
			name: "properties",
			change: func(c *ddsink.Config) {
				c.Source, c.Service, c.Hostname, c.Tags = "src", "svc", "h", "a:b"
			},
			body: pairs{"log", "x"},
			want: `{"timestamp":7,"ddsource":"src","service":"svc","hostname":"h","ddtags":"a:b","message":"x"}`,
		},
		{
			name: "what the record says wins over the properties, and tags add up",
			change: func(c *ddsink.Config) {
				c.Source, c.Service, c.Hostname, c.Tags = "src", "svc", "h", "a:b"
			},
			body: pairs{"ddsource", "own1", "service", "own2", "hostname", "own3", "ddtags", "c:d"},
			want: `{"timestamp":7,"ddsource":"own1","service":"own2","hostname":"own3","ddtags":"a:b,c:d"}`,
		},
		{
			name:   "what cannot be a reserved field is kept beside it",
			change: func(c *ddsink.Config) { c.Service = "svc" },
			body:   pairs{"service", pairs{"id", "x"}, "hostname", ""},
			want:   `{"timestamp":7,"record.service":{"id":"x"},"service":"svc"}`,
		},
		{
			name: "ddtags as a list",
			body: pairs{"ddtags", []string{"a:b", "c"}},
			want: `{"timestamp":7,"ddtags":"a:b,c"}`,
		},
		{
			name: "ddtags as a map",
			body: pairs{"ddtags", pairs{"env", "prod", "n", 1, "deep", pairs{"a", 1}, "blank", ""}},
			want: `{"timestamp":7,"ddtags":"env:prod,n:1"}`,
		},
		{
			name:   "ddtags as a list of this and that",
			change: func(c *ddsink.Config) { c.Tags = "team:edge" },
			body:   pairs{"ddtags", []any{"a:b", 5, nil, true, "", pairs{"env", "prod"}, []any{"lost"}}},
			want:   `{"timestamp":7,"ddtags":"team:edge,a:b,5,true,env:prod"}`,
		},
		{
			name: "a number as service",
			body: pairs{"service", 5},
			want: `{"timestamp":7,"service":"5"}`,
		},
		{
			name:   "include_tag_key",
			change: func(c *ddsink.Config) { c.IncludeTagKey = true },
			body:   pairs{"tagkey", "own", "log", "x"},
			want:   `{"timestamp":7,"tagkey":"the.tag","record.tagkey":"own","message":"x"}`,
		},
		{
			name:   "include_tag_key under a name of its own",
			change: func(c *ddsink.Config) { c.IncludeTagKey, c.TagKey = true, "host" },
			body:   pairs{"log", "x"},
			want:   `{"timestamp":7,"host":"the.tag","message":"x"}`,
		},
		{
			name:   "the device's name where nothing names a host",
			change: func(c *ddsink.Config) { c.Hostname = "m1" },
			body:   pairs{"log", "x"},
			want:   `{"timestamp":7,"hostname":"m1","message":"x"}`,
		},
		{
			name:   "the device's name gives way to host",
			change: func(c *ddsink.Config) { c.Hostname = "m1" },
			body:   pairs{"host", "h2", "log", "x"},
			want:   `{"timestamp":7,"host":"h2","message":"x"}`,
		},
		{
			name:   "a host that says nothing: empty",
			change: func(c *ddsink.Config) { c.Hostname = "m1" },
			body:   pairs{"host", "", "log", "x"},
			want:   `{"timestamp":7,"host":"","hostname":"m1","message":"x"}`,
		},
		{
			name:   "a host that says nothing: null",
			change: func(c *ddsink.Config) { c.Hostname = "m1" },
			body:   pairs{"host", nil, "log", "x"},
			want:   `{"timestamp":7,"host":null,"hostname":"m1","message":"x"}`,
		},
		{
			name:   "a host that says nothing: empty map",
			change: func(c *ddsink.Config) { c.Hostname = "m1" },
			body:   pairs{"host", pairs{}, "log", "x"},
			want:   `{"timestamp":7,"host":{},"hostname":"m1","message":"x"}`,
		},
		{
			name:   "a host that says nothing: dash",
			change: func(c *ddsink.Config) { c.Hostname = "m1" },
			body:   pairs{"host", "-", "log", "x"},
			want:   `{"timestamp":7,"host":"-","hostname":"m1","message":"x"}`,
		},
		{
			name:   "a host that says nothing: map without name",
			change: func(c *ddsink.Config) { c.Hostname = "m1" },
			body:   pairs{"host", pairs{"ip", "10.0.0.1"}, "log", "x"},
			want:   `{"timestamp":7,"host":{"ip":"10.0.0.1"},"hostname":"m1","message":"x"}`,
		},
		{
			name:   "a host object's name, as in Elastic's schema",
			change: func(c *ddsink.Config) { c.Hostname = "q" },
			body:   pairs{"host", pairs{"name", "h2"}, "log", "x"},
			want:   `{"timestamp":7,"host":{"name":"h2"},"hostname":"h2","message":"x"}`,
		},
		{
			name:   "the device's name gives way to the record's host",
			change: func(c *ddsink.Config) { c.Hostname = "q" },
			body:   pairs{"host", "h2", "log", "x"},
			want:   `{"timestamp":7,"host":"h2","message":"x"}`,
		},
		{
			name: "of two fields with one name the first counts",
			body: pairs{"a", 1, "a", 2, "log", "x", "log", "y", 1, "one", "1", "text"},
			want: `{"timestamp":7,"a":1,"1":"one","message":"x"}`,
		},
		{
			name: "of two keys with one name within a map too",
			body: pairs{"m", pairs{"a", 1, "a", 2, "b", pairs{"a", 3, "b", 4, "a", []any{5}}, "b", 6}, "n", pairs{"a", 7, "a", pairs{}}},
			want: `{"timestamp":7,"m":{"a":1,"b":{"a":3,"b":4}},"n":{"a":7}}`,
		},
		{
			name: "values of every kind",
			body: pairs{
				"n", nil, "t", true, "i", -5, "u", uint64(math.MaxUint64), "f", 0.1, "z", math.Copysign(0, -1), "big", 1e21,
				"nan", math.NaN(), "bin", []byte{0xff, 0}, "utf", "é\"\\\n\x01\u2028", "bad", "a\xffb",
				"list", []any{1, []any{}, pairs{}, []any{nil}}, 3.5, "float key", nil, "nil key", true, "bool key",
			},
			want: `{"timestamp":7,"n":null,"t":true,"i":-5,"u":18446744073709551615,"f":0.1,"z":-0,"big":1e+21,` +
				`"nan":null,"bin":"/wA=","utf":"é\"\\\n\u0001` + "\u2028" + `","bad":"a` + "\ufffd" + `b",` +
				`"list":[1,[],{},[null]],"3.5":"float key","null":"nil key","true":"bool key"}`,
		},
		{
			name:     "metadata that is not OTLP's",
			body:     pairs{"log", "x"},
			metadata: pairs{"trace_id", "abc"},
			want:     `{"timestamp":7,"metadata":{"trace_id":"abc"},"message":"x"}`,
		},
		{
			name:     "metadata beside OTLP's",
			body:     pairs{"log", "x"},
			metadata: pairs{"a", 1, "otlp", pairs{}, "b", 2, "a", 3},
			want:     `{"timestamp":7,"metadata":{"a":1,"b":2},"message":"x"}`,
		},
		{
			name: "OTLP: severity, ids, attributes",
			body: pairs{"log", "x", "k", "body"},
			metadata: otlp("severity_number", 9, "severity_text", "Info", "trace_id", traceID, "span_id", spanID,
				"attributes", pairs{"k", "attribute", "n", 1}),
			want: `{"timestamp":7,"k":"body","n":1,"status":"Info",` +
				`"dd.trace_id":"256","otel.trace_id":"00010203040506070000000000000100",` +
				`"dd.span_id":"513","otel.span_id":"0000000000000201","message":"x"}`,
		},
		{
			name:     "OTLP: ids in hex, severity as number",
			body:     pairs{"log", "x"},
			metadata: otlp("severity_number", 17, "severity_text", "", "span_id", "00000000000000ff"),
			want:     `{"timestamp":7,"status":"error","dd.span_id":"255","otel.span_id":"00000000000000ff","message":"x"}`,
		},
		{
			name:     "OTLP: ids of zeros are none, and the record's own status wins",
			body:     pairs{"status", 200, "dd.trace_id", "1"},
			metadata: otlp("severity_number", 21, "trace_id", make([]byte, 16), "span_id", "zz"),
			want:     `{"timestamp":7,"status":200,"dd.trace_id":"1"}`,
		},
		{
			name: "a group's service and host",
			body: pairs{"log", "x"},
			group: &chunk.Group{
				Resource:  pack(t, pairs{"service.name", "svc", "host.name", "h1", "os.type", "linux"}),
				Scope:     pack(t, pairs{"lib", true}),
				ScopeName: []byte("sc"), ScopeVersion: []byte("1"),
			},
			want: `{"timestamp":7,"os.type":"linux","lib":true,"otel.scope.name":"sc","otel.scope.version":"1",` +
				`"service":"svc","hostname":"h1","message":"x"}`,
		},
		{
			name:   "a group's env and version are tags, the newer name's value, unless the property has one",
			change: func(c *ddsink.Config) { c.Tags = "team:edge" },
			body:   pairs{"log", "x", "service.version", "the record's own"},
			group:  &chunk.Group{Resource: pack(t, pairs{"deployment.environment", "old", "deployment.environment.name", "prod, eu", "service.version", "1.4"})},
			want: `{"timestamp":7,"service.version":"the record's own","deployment.environment":"old","deployment.environment.name":"prod, eu",` +
				`"ddtags":"team:edge,env:prod_eu,version:1.4","message":"x"}`,
		},
		{
			name:   "a group's version beside the property's",
			change: func(c *ddsink.Config) { c.Tags = "team:edge,version:7" },
			body:   pairs{"log", "x"},
			group:  &chunk.Group{Resource: pack(t, pairs{"deployment.environment", "prod", "service.version", "1.4"})},
			want:   `{"timestamp":7,"deployment.environment":"prod","service.version":"1.4","ddtags":"team:edge,version:7,env:prod","message":"x"}`,
		},
		{
			name:   "a group's service gives way to the property, the device's name to a group's host",
			change: func(c *ddsink.Config) { c.Service, c.Hostname = "p", "q" },
			body:   pairs{"service.name", "body's own", "log", "x"},
			group:  &chunk.Group{Resource: pack(t, pairs{"service.name", "svc", "host.name", "h1"})},
			want:   `{"timestamp":7,"service.name":"body's own","service":"body's own","hostname":"h1","message":"x"}`,
		},
		{
			name:   "ecs",
			change: ecs,
			body: pairs{
				"container_id", "c1", "container_name", "/web", "container_image", "img",
				"ecs_cluster", "arn:aws:ecs:eu-west-1:1:cluster/prod", "ecs_task_definition", "fam:3",
				"ecs_task_arn", "arn:aws:ecs:eu-west-1:1:task/t9", "log", "x",
			},
			want: `{"timestamp":7,"ddtags":"container_id:c1,container_name:web,container_image:img,cluster_name:prod,` +
				`task_family:fam,task_version:3,task_arn:arn:aws:ecs:eu-west-1:1:task/t9,region:eu-west-1,task_id:t9","message":"x"}`,
		},
		{
			name:   "ecs: values in no known form",
			change: func(c *ddsink.Config) { c.Provider, c.Tags = "ecs", "a:b" },
			body:   pairs{"ecs_cluster", "prod", "ecs_task_definition", "fam", "ecs_task_arn", "t9", "container_id", 5, "container_name", ""},
			want: `{"timestamp":7,"container_id":5,"container_name":"",` +
				`"ddtags":"cluster_name:prod,ecs_task_definition:fam,task_arn:t9,task_id:t9,a:b"}`,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			cfg := ddsink.Config{}
			if test.change != nil {
				test.change(&cfg)
			}
			r := rec(t, 0, test.body...)
			r.Group = test.group
			if test.metadata != nil {
				r.Metadata = pack(t, test.metadata)
			}
			got := ddsink.NewEntries(cfg).Append(nil, r, "the.tag", 7)
			if string(got) != test.want {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
			if _, err := strictObject(got); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestEntryTimes(t *testing.T) {
	e := ddsink.NewEntries(ddsink.Config{})
	r := rec(t, 0, "log", "x")
	for _, ms := range []int64{
		-1, 0, 5, 999, 1000, 1001, 1099, 1764771798000, 1764771798767, 1764771798007, 1764771799767, math.MaxInt64, math.MinInt64, -57538449,
	} {
		want := fmt.Sprintf(`{"timestamp":%d,"message":"x"}`, ms)
		if got := string(e.Append(nil, r, "", ms)); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestEntryLimit(t *testing.T) {
	const limit = 1_000_000
	tests := []struct {
		name      string
		body      pairs
		truncated string
		dropped   string
	}{
		{"message of one megabyte", pairs{"log", strings.Repeat("x", limit)}, "72", ""},
		{"message that fits to the byte", pairs{"log", strings.Repeat("x", 999_972)}, "", ""},
		{"message that is one byte too long", pairs{"log", strings.Repeat("x", 999_973)}, "45", ""},
		{"message of escapes", pairs{"log", strings.Repeat("\x01", limit)}, "833346", ""},
		{"message of characters of three bytes", pairs{"log", strings.Repeat("日", limit)}, "2000073", ""},
		{"a huge attribute", pairs{"a", 1, "huge", strings.Repeat("y", 900_000), "b", 2, "log", "m"}, "", "1"},
		{"a huge attribute within a map", pairs{"m", pairs{"huge", strings.Repeat("\x01", 300_000), "z", 1}, "b", 2}, "", "1"},
		{"a huge key", pairs{strings.Repeat("k", 900_000), 1, "b", 2}, "", "1"},
		{"a huge service", pairs{"service", strings.Repeat("s", 900_000), "b", 2}, "", "1"},
		{"huge attribute and message", pairs{"a", strings.Repeat("y", 700_000), "b", 2, "log", strings.Repeat("z", 700_000)}, "400085", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := ddsink.NewEntries(ddsink.Config{}).Append(nil, rec(t, 0, test.body...), "", 7)
			m, err := strictObject(got)
			if err != nil {
				t.Fatal(err)
			}
			if len(got) > limit {
				t.Errorf("%d bytes", len(got))
			}
			number := func(key string) string {
				if v, ok := m[key]; ok {
					return v.(interface{ String() string }).String()
				}
				return ""
			}
			if got := number("edge.truncated_bytes"); got != test.truncated {
				t.Errorf("edge.truncated_bytes = %q, want %q", got, test.truncated)
			}
			if got := number("edge.dropped_attributes"); got != test.dropped {
				t.Errorf("edge.dropped_attributes = %q, want %q", got, test.dropped)
			}
			if msg, _ := m["message"].(string); strings.ContainsRune(msg, '\ufffd') {
				t.Error("the message was cut within a character")
			}
			if test.dropped != "" && number("b") != "2" {
				t.Error("what follows the attribute is lost")
			}
		})
	}
}

// TestEntryManyKeys has more keys than are compared one by one, each twice.
func TestEntryManyKeys(t *testing.T) {
	var body pairs
	for i := range 3000 {
		body = append(body, i, i)
	}
	for i := range 3000 {
		body = append(body, i, "again")
	}
	body = append(body, "nested", append(pairs(nil), body...))
	e := ddsink.NewEntries(ddsink.Config{})
	for range 2 { // the second time with the table that the first has left
		m, err := strictObject(e.Append(nil, rec(t, 0, body...), "", 7))
		if err != nil {
			t.Fatal(err)
		}
		if nested := m["nested"].(map[string]any); len(m) != 3002 || len(nested) != 3000 {
			t.Errorf("%d and %d keys, want 3002 and 3000", len(m), len(nested))
		}
	}
}
