package check

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"out_edge/plugin/metric"
	"out_edge/plugin/pipeline"
	"out_edge/timefix"
)

// maxSample bounds the text of sample records, in bytes.
const maxSample = 16 << 20

// Sample writes what outputs would make of sample records under a tag: JSON objects,
// one after the other or in a list, as Fluent Bit's `stdout` output prints them with
// `format json_lines`. Nothing is sent.
func Sample(outputs []*Output, tag string, records io.Reader, to io.Writer) error {
	all, err := readRecords(records)
	if err != nil {
		return err
	}
	for _, o := range outputs {
		if err := o.sample(tag, all, to); err != nil {
			return err
		}
	}
	return nil
}

func (o *Output) sample(tag string, all []map[string]any, to io.Writer) error {
	if why := o.refuses(tag); why != "" {
		fmt.Fprintf(to, "%s: edge takes nothing of the tag %s: %s\n", o.Place, tag, why)
		return nil
	}
	v, err := pipeline.NewPreview(o.Settings.Pipeline, timefix.SystemClock{})
	if err != nil {
		return err
	}
	defer func() { _ = v.Close(context.Background()) }()
	fmt.Fprintf(to, "%s: edge, sinks: %s\n", o.Place, cmp.Or(strings.Join(v.Sinks(), ", "), "none"))
	for i, record := range all {
		payload, err := encode(record, time.Now())
		if err != nil {
			return fmt.Errorf("record %d: %w", i+1, err)
		}
		taken, err := v.Take(tag, payload)
		if err != nil {
			return err
		}
		fmt.Fprintf(to, "record %d, tag %s\n", i+1, tag)
		writeTaken(to, taken)
	}
	return nil
}

// refuses returns why the output gets no chunks of a tag, or "". Fluent Bit asks
// match_regex first, which must fit from the tag's first byte on, and then match.
func (o *Output) refuses(tag string) string {
	regex, hasRegex := o.Get("match_regex")
	pattern, hasPattern := o.Get("match")
	why := "it has neither match nor match_regex"
	if hasRegex {
		why = "match_regex is " + regex.Value
		// A pattern of Onigmo's that Go does not know is not judged.
		if re, err := regexp.Compile(`^(?:` + regex.Value + `)`); err != nil || re.MatchString(tag) {
			return ""
		}
	}
	if hasPattern {
		if matches(pattern.Value, tag) {
			return ""
		}
		why = "match is " + pattern.Value
	}
	return why
}

// matches reports whether a tag matches Fluent Bit's pattern, in which * is any text.
func matches(pattern, tag string) bool {
	head, rest, wild := strings.Cut(pattern, "*")
	if !wild {
		return pattern == tag
	}
	if !strings.HasPrefix(tag, head) {
		return false
	}
	for tag = tag[len(head):]; ; tag = tag[1:] {
		if matches(rest, tag) {
			return true
		}
		if tag == "" {
			return false
		}
	}
}

// readRecords reads JSON objects, bare or in lists.
func readRecords(from io.Reader) (all []map[string]any, err error) {
	d := json.NewDecoder(io.LimitReader(from, maxSample))
	d.UseNumber()
	for {
		var value any
		switch err := d.Decode(&value); {
		case errors.Is(err, io.EOF) && len(all) > 0:
			return all, nil
		case errors.Is(err, io.EOF):
			return nil, errors.New("no sample record: write a JSON object")
		case err != nil:
			return nil, fmt.Errorf("no JSON behind record %d: %w", len(all), err)
		}
		list, ok := value.([]any)
		if !ok {
			list = []any{value}
		}
		for _, one := range list {
			record, ok := one.(map[string]any)
			if !ok {
				return nil, fmt.Errorf("record %d is no JSON object", len(all)+1)
			}
			all = append(all, record)
		}
	}
}

// encode is a record as Fluent Bit hands it over.
func encode(record map[string]any, at time.Time) ([]byte, error) {
	var b bytes.Buffer
	sec, nsec := uint32(at.Unix()), uint32(at.Nanosecond())
	b.Write([]byte{0x92, 0x92, 0xd7, 0x00, byte(sec >> 24), byte(sec >> 16), byte(sec >> 8), byte(sec),
		byte(nsec >> 24), byte(nsec >> 16), byte(nsec >> 8), byte(nsec), 0x80})
	enc := msgpack.NewEncoder(&b)
	enc.SetSortMapKeys(true)
	enc.UseCompactInts(true)
	err := enc.Encode(numbers(record))
	return b.Bytes(), err
}

// numbers makes integers of JSON's numbers where they are some, as Fluent Bit does.
func numbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		if i, err := strconv.ParseInt(v.String(), 10, 64); err == nil {
			return i
		}
		f, _ := v.Float64()
		return f
	case map[string]any:
		for key := range v {
			v[key] = numbers(v[key])
		}
	case []any:
		for i := range v {
			v[i] = numbers(v[i])
		}
	}
	return v
}

// writeTaken writes a line for each log and series, with the sinks that get it.
func writeTaken(to io.Writer, taken []pipeline.Taken) {
	var order []string
	sinks := make(map[string][]string)
	add := func(what, sink string) {
		if sinks[what] == nil {
			order = append(order, what)
		}
		if !slices.Contains(sinks[what], sink) {
			sinks[what] = append(sinks[what], sink)
		}
	}
	for _, one := range taken {
		if one.Logs > 0 {
			add("log", one.Sink)
		}
		for i := range one.Samples {
			add("metric "+sampleText(&one.Samples[i]), one.Sink)
		}
	}
	if len(order) == 0 {
		fmt.Fprintln(to, "    nothing: no metric is made of it, and no sink takes it as a log")
	}
	for _, what := range order {
		fmt.Fprintf(to, "    %s -> %s\n", what, strings.Join(sinks[what], ", "))
	}
}

// sampleText writes a sample as /metrics shows it.
func sampleText(s *metric.Sample) string {
	var labels []string
	for _, l := range s.Series.Labels {
		labels = append(labels, l.Name+"="+strconv.Quote(l.Value))
	}
	name := s.Series.Name
	if len(labels) > 0 {
		name += "{" + strings.Join(labels, ",") + "}"
	}
	if s.Dist != nil {
		return fmt.Sprintf("%s count %d sum %s", name, s.Dist.Count, strconv.FormatFloat(s.Dist.Sum, 'g', -1, 64))
	}
	return name + " " + strconv.FormatFloat(s.Value, 'g', -1, 64)
}
