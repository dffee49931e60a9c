package telemetry_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"out_edge/build/testkit"
	"out_edge/exporter/telemetry"
	"out_edge/plugin/delivery"
)

// What comes is counted by tag, and by what each sink gets of it.
func TestTraffic(t *testing.T) {
	tel, clock := newTelemetry()
	for range 60 {
		at := int64(clock.Now().Elapsed())
		tel.Took(telemetry.Intake{Tag: "app", Count: 10, Bytes: 1000, Parts: []int{10, 0, 3}, At: at})
		tel.Took(telemetry.Intake{Tag: "event", Count: 200, Bytes: 9000, Samples: true, Parts: []int{0, 200, 200, 0, 5, 6, 7}, At: at})
		tel.Delivered(delivery.SinkDatadog, 10)
		tel.Sent("logs", 1000, 300)
		clock.Advance(time.Second)
	}
	got := tel.Traffic(time.Hour)
	if len(got.Tags) != 2 || got.Tags[0].Tag != "event" || got.Tags[1].Tag != "app" {
		t.Fatalf("got %+v", got.Tags)
	}
	app := got.Tags[1]
	if app.Count != 600 || app.Bytes != 60000 || app.CountRate < 9.5 || app.CountRate > 10.5 || app.Parts[0] < 9.5 || app.Ever != [4]bool{true, false, true, false} || app.Samples {
		t.Errorf("app: %+v", app)
	}
	if sink := got.Sinks[delivery.SinkDatadog]; sink.Rate < 9.5 || sink.ByteRate < 285 || len(sink.Course) < 30 || sink.Course[len(sink.Course)-1].Value != 600 {
		t.Errorf("the sink: %+v", sink)
	}
	if n := len(got.Course); n < 30 || got.Course[n-1].Value != 60*210 {
		t.Errorf("the course: %v", got.Course)
	}
	clock.Advance(2 * time.Minute)
	tel.Took(telemetry.Intake{Tag: "app", Count: 1, At: int64(clock.Now().Elapsed())})
	if got := tel.Traffic(time.Hour).Tags; got[0].Tag != "app" || got[1].CountRate != 0 {
		t.Errorf("a silent tag is first: %+v", got)
	}
}

// However many tags there are, and however long their names, memory is bounded and nothing
// is lost of the sum.
func TestTrafficIsBounded(t *testing.T) {
	tel, clock := newTelemetry()
	before := testkit.Heap()
	const tags = 2000
	for i := range tags {
		tel.Took(telemetry.Intake{Tag: fmt.Sprint(i, strings.Repeat("x", 10_000)), Count: 1, Parts: []int{1}, At: int64(clock.Now().Elapsed())})
	}
	if grown := testkit.Heap() - before; grown > 200<<10 {
		t.Errorf("%d bytes", grown)
	}
	sum := int64(0)
	all := tel.Traffic(time.Hour).Tags
	for i := range all {
		sum += all[i].Count
		if len(all[i].Tag) > 128 {
			t.Fatalf("a tag of %d bytes", len(all[i].Tag))
		}
	}
	if len(all) != 257 || sum != tags || all[256].Tag != "" {
		t.Errorf("%d tags with %d records", len(all), sum)
	}
	clock.Advance(11 * time.Minute)
	tel.Took(telemetry.Intake{Tag: "new", Count: 1, At: int64(clock.Now().Elapsed())})
	if got := tel.Traffic(time.Hour).Tags; got[0].Tag != "new" || len(got) != 257 {
		t.Error("a tag that has been silent for long makes no room")
	}
	in := telemetry.Intake{Tag: "new", Count: 1, Parts: []int{1, 2, 3}, At: int64(clock.Now().Elapsed())}
	if n := testkit.Allocs(func() { tel.Took(in) }); n != 0 {
		t.Errorf("%v allocations a chunk", n)
	}
}
