package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/vmihailenco/msgpack/v5"
)

// device is what one collects.
type device struct {
	name   string
	inputs []input
	rules  string // a config_file; its metrics go by remote write, the logs nowhere
	rate   int    // records a second, in place of one for each input and flush
}

// input makes one record, or some, each time that it is asked.
type input struct {
	tag  string
	make func(r *rand.Rand) []map[string]any
	log  bool
}

func (d device) logs() bool { return d.inputs[0].log && d.rules == "" }

// threeRules are a counter, a gauge and a histogram, as an application's log is counted.
const threeRules = `
metrics:
  - {name: app_lines_total, type: counter, help: Lines., match: app}
  - {name: app_cycle, type: gauge, help: The last cycle., match: app, value_field: cycle}
  - {name: app_flow_liters, type: histogram, help: Flow., match: app, value_field: flow, buckets: [10, 30, 100, 200, 300]}
`

func devices() []device {
	return []device{
		{name: "cpu (four cores), mem", inputs: []input{cpu(), mem()}},
		{name: "and thermal, disk, netif", inputs: []input{cpu(), mem(), thermal(), disk(), netif()}},
		{name: "a log line", inputs: []input{lines("app", 1)}},
		{name: "ten log lines", inputs: []input{lines("app", 10)}},
		{name: "six inputs, a log line each", inputs: []input{lines("a", 1), lines("b", 1), lines("c", 1), lines("d", 1), lines("e", 1), lines("f", 1)}},
		{name: "three rules (10 series) on 100 lines a second", inputs: []input{cycles()}, rules: threeRules, rate: 100},
	}
}

// percent is a load with two decimals.
func percent(r *rand.Rand) float64 { return float64(r.IntN(5000)) / 100 }

func one(record map[string]any) []map[string]any { return []map[string]any{record} }

func cpu() input {
	return input{tag: "cpu", make: func(r *rand.Rand) []map[string]any {
		record := map[string]any{"cpu_p": percent(r), "user_p": percent(r), "system_p": percent(r)}
		for i := range 4 {
			for _, mode := range []string{"cpu", "user", "system"} {
				record[fmt.Sprintf("cpu%d.p_%s", i, mode)] = percent(r)
			}
		}
		return one(record)
	}}
}

func mem() input {
	return input{tag: "mem", make: func(r *rand.Rand) []map[string]any {
		used := 200000 + r.IntN(20000)
		return one(map[string]any{"Mem.total": 512000, "Mem.used": used, "Mem.free": 512000 - used, "Swap.total": 0, "Swap.used": 0, "Swap.free": 0})
	}}
}

func thermal() input {
	return input{tag: "thermal", make: func(r *rand.Rand) []map[string]any {
		return one(map[string]any{"name": "thermal_zone0", "type": "cpu-thermal", "temp": 45 + float64(r.IntN(100))/10})
	}}
}

func disk() input {
	return input{tag: "disk", make: func(r *rand.Rand) []map[string]any {
		return one(map[string]any{"read_size": r.IntN(4) * 4096, "write_size": r.IntN(64) * 4096})
	}}
}

func netif() input {
	return input{tag: "netif", make: func(r *rand.Rand) []map[string]any {
		record := map[string]any{}
		for _, way := range []string{"rx", "tx"} {
			record["wwan0."+way+".bytes"], record["wwan0."+way+".packets"], record["wwan0."+way+".errors"] = r.IntN(40000), r.IntN(60), 0
		}
		return one(record)
	}}
}

// lines is n lines of some 100 bytes, with figures in them that differ.
func lines(tag string, n int) input {
	return input{tag: tag, log: true, make: func(r *rand.Rand) (all []map[string]any) {
		for range n {
			all = append(all, map[string]any{"log": fmt.Sprintf("%08x pump %d: pressure %d.%d bar, flow %d l/min, valve %s, cycle %d",
				r.Uint32(), r.IntN(4), r.IntN(9), r.IntN(10), r.IntN(300), []string{"open", "shut", "half"}[r.IntN(3)], r.IntN(100000)), "level": "info"})
		}
		return all
	}}
}

// cycles is a line with the figures that threeRules count.
func cycles() input {
	return input{tag: "app", log: true, make: func(r *rand.Rand) []map[string]any {
		return one(map[string]any{"log": "cycle ends", "level": "info", "cycle": r.IntN(100000), "flow": r.IntN(300)})
	}}
}

// payload is records as Fluent Bit hands them over.
func payload(records []map[string]any, at time.Time) ([]byte, error) {
	var b bytes.Buffer
	enc := msgpack.NewEncoder(&b)
	enc.SetSortMapKeys(true)
	for _, record := range records {
		sec, nsec := uint32(at.Unix()), uint32(at.Nanosecond())
		b.Write([]byte{0x92, 0x92, 0xd7, 0x00, byte(sec >> 24), byte(sec >> 16), byte(sec >> 8), byte(sec),
			byte(nsec >> 24), byte(nsec >> 16), byte(nsec >> 8), byte(nsec), 0x80})
		if err := enc.Encode(record); err != nil {
			return nil, err
		}
	}
	return b.Bytes(), nil
}
