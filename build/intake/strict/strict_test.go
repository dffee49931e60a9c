package strict_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"out_edge/build/intake"
	"out_edge/build/intake/strict"
)

// now is a fixed present: 1764771798.767 s.
var now = time.UnixMilli(1764771798767)

func check(endpoint, body string) error {
	c := strict.Checker{Now: func() time.Time { return now }}
	return c.Check(endpoint, []byte(body))
}

// expect compares with "" (good), "discard …" or the refusal's text.
func expect(t *testing.T, err error, want string) {
	t.Helper()
	got := ""
	if err != nil {
		got = err.Error()
	}
	if (want == "") != (got == "") || !strings.Contains(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestLogs(t *testing.T) {
	ms := func(d time.Duration) string {
		return fmt.Sprintf(`[{"message":"m","timestamp":%d}]`, now.Add(d).UnixMilli())
	}
	tests := map[string]struct{ body, want string }{
		"good":                       {`[{"message":"m","timestamp":1764771798767,"ddsource":"s","service":"v","hostname":"h","ddtags":"env:prod,a","n":1.5,"o":{"k":[1,null]}}]`, ""},
		"no timestamp":               {`[{"message":"m"}]`, ""},
		"an empty list":              {`[]`, ""},
		"no message":                 {`[{"timestamp":1764771798767}]`, ""},
		"a message of another type":  {`[{"message":1}]`, "400: log 0: a reserved attribute has the wrong type"},
		"a hostname of another type": {`[{"message":"m","hostname":{}}]`, "reserved attribute"},
		"not a list":                 {`{"message":"m"}`, "400: logs: "},
		"not JSON":                   {`[{"message":"m"}`, "400: logs: unexpected end of JSON input"},
		"trailing text":              {`[] x`, "not JSON"},
		"not UTF-8":                  {"[{\"message\":\"\xff\"}]", "400: the body is not UTF-8"},
		"a key twice":                {`[{"message":"m","timestamp":1764771798767,"timestamp":1}]`, `key "timestamp" stands twice in one object`},
		"a deep key twice":           {`[{"message":"m","o":[{"k":1,"k":2}]}]`, `key "k" stands twice`},
		"a key again elsewhere":      {`[{"message":"m","o":{"message":1},"p":{"message":2}}]`, ""},
		"a time as a string":         {`[{"message":"m","timestamp":"1764771798767"}]`, "timestamp is not a number"},
		"a time as a fraction":       {`[{"message":"m","timestamp":1764771798767.5}]`, "is not an integer"},
		"a time with an exponent":    {`[{"message":"m","timestamp":1.764771798767e12}]`, "is not an integer"},
		"a time in seconds":          {`[{"message":"m","timestamp":1764771798}]`, "is not in ms since 1970"},
		"a time in microseconds":     {`[{"message":"m","timestamp":1764771798767208}]`, "is not in ms since 1970"},
		"a wrapped time":             {`[{"message":"m","timestamp":-459759889}]`, "is not in ms since 1970"},
		"18 h old":                   {ms(-strict.MaxLogAge), ""},
		"older":                      {ms(-strict.MaxLogAge - time.Millisecond), "discard 1 entries"},
		"2 h ahead":                  {ms(strict.MaxLogLead), ""},
		"further ahead":              {ms(strict.MaxLogLead + time.Millisecond), "discard 1 entries"},
		"days ahead":                 {ms(48 * time.Hour), "is not in ms since 1970"},
		"a bad tag":                  {`[{"message":"m","ddtags":"env:prod,"}]`, `tag "" does not begin with a letter`},
		"an entry over 1 MB":         {`[{"message":"` + strings.Repeat("x", intake.MaxEntryBytes) + `"}]`, "over 1 MB"},
		"a body over 5 MB":           {`[` + strings.Repeat(`{"message":"`+strings.Repeat("x", 990_000)+`"},`, 5) + `{"message":"` + strings.Repeat("x", 60_000) + `"}]`, "413: logs: too large"},
		"1000 entries":               {"[" + strings.Repeat(`{"message":""},`, 999) + `{"message":""}]`, ""},
		"1001 entries":               {"[" + strings.Repeat(`{"message":""},`, 1000) + `{"message":""}]`, "413: logs: too large"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) { expect(t, check(intake.Logs, tc.body), tc.want) })
	}
}

func TestDiscardNamesTheEntries(t *testing.T) {
	old := now.Add(-19 * time.Hour).UnixMilli()
	err := check(intake.Logs, fmt.Sprintf(`[{"message":"a","timestamp":%d},{"message":"b"},{"message":"c","timestamp":%d}]`, old, old))
	var discard *intake.Discard
	if !errors.As(err, &discard) || !slices.Equal(discard.Index, []int{0, 2}) {
		t.Errorf("got %v, want entries 0 and 2 discarded", err)
	}
}

// series is a good one with one part replaced.
func series(from, to string) string {
	const good = `{"series":[{"metric":"edge.cpu.usage_ratio","type":3,"points":[{"timestamp":1764771798,"value":0.5}],` +
		`"tags":["cpu:0","mode:user"],"resources":[{"type":"host","name":"h"}],"unit":"fraction"}]}`
	return strings.Replace(good, from, to, 1)
}

func TestSeries(t *testing.T) {
	point := func(d time.Duration) string {
		return series(`"timestamp":1764771798`, fmt.Sprintf(`"timestamp":%d`, now.Add(d).Unix()))
	}
	tests := map[string]struct{ body, want string }{
		"good":                    {series("", ""), ""},
		"a count":                 {series(`"type":3`, `"type":1`), ""},
		"no series":               {`{}`, "required field series missing"},
		"a field beside it":       {series(`{"series"`, `{"x":1,"series"`), "unknown fields beside it"},
		"no metric":               {series(`"metric":"edge.cpu.usage_ratio",`, ``), "wrong type or value"},
		"no points":               {series(`{"timestamp":1764771798,"value":0.5}`, ``), "no points"},
		"a name with a dash":      {series("edge.cpu", "edge-cpu"), "metric name"},
		"a name with a digit":     {series("edge.cpu", "9edge.cpu"), "metric name"},
		"a long name":             {series("edge.cpu", strings.Repeat("a", 200)), "metric name"},
		"no type":                 {series(`"type":3,`, ``), "the type is not given"},
		"type unspecified":        {series(`"type":3`, `"type":0`), "the type is not given"},
		"an unknown type":         {series(`"type":3`, `"type":4`), "wrong type or value"},
		"a type by name":          {series(`"type":3`, `"type":"gauge"`), "wrong type or value"},
		"a rate without interval": {series(`"type":3`, `"type":2`), "a rate needs an interval"},
		"a rate":                  {series(`"type":3`, `"type":2,"interval":10`), ""},
		"a value as a string":     {series(`0.5`, `"0.5"`), "wrong type or value"},
		"no value":                {series(`,"value":0.5`, ``), "lacks its timestamp or value"},
		"a null value":            {series(`0.5`, `null`), "lacks its timestamp or value"},
		"NaN":                     {series(`0.5`, `NaN`), "not JSON"},
		"a field in a point":      {series(`"value":0.5`, `"value":0.5,"x":1`), "unknown fields in a point"},
		"a time in ms":            {series("1764771798", "1764771798767"), "outside of 1 h past"},
		"a time as a fraction":    {series("1764771798", "1764771798.5"), "wrong type or value"},
		"almost 1 h old":          {point(-strict.MaxPointAge + time.Second), ""},
		"older":                   {point(-strict.MaxPointAge - time.Second), "outside of 1 h past"},
		"10 min ahead":            {point(strict.MaxPointLead), ""},
		"further ahead":           {point(strict.MaxPointLead + time.Second), "outside of 1 h past"},
		"an upper-case tag":       {series("mode:user", "Mode:user"), "letters in lower case"},
		"a tag with a blank":      {series("mode:user", "mode:a b"), "are allowed"},
		"a tag without a value":   {series("mode:user", "mode:"), "ends in : or _"},
		"a tag ending in _":       {series("mode:user", "mode:user_"), "ends in : or _"},
		"a tag with __":           {series("mode:user", "mode:a__b"), "run of _"},
		"a tag beginning with 1":  {series("mode:user", "1mode:user"), "does not begin with a letter"},
		"a long tag":              {series("mode:user", "mode:"+strings.Repeat("a", 200)), "over 200 characters"},
		"a tag twice":             {series("mode:user", "cpu:0"), "stands twice"},
		"a tag in another script": {series("mode:user", "mode:größe"), ""},
		"too many tags":           {series(`"cpu:0"`, `"cpu:0"`+strings.Repeat(`,"a"`, 100)), "102 tags, over 100"},
		"a resource without name": {series(`,"name":"h"`, ``), "lacks its name or type"},
		"an unknown unit":         {series(`"fraction"`, `"furlong"`), `unit "furlong" is not one of Datadog's`},
		"an unknown field":        {series(`"type":3`, `"type":3,"x":1`), "unknown fields"},
		"a key twice":             {series(`"type":3`, `"type":3,"type":3`), "stands twice in one object"},
		"over 5,242,880 bytes":    {series(`{"series"`, strings.Repeat(" ", intake.MaxSeriesBytes)+`{"series"`), "413: series: too large"},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) { expect(t, check(intake.Series, tc.body), tc.want) })
	}
}
