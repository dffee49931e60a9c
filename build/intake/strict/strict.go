// Package strict judges bodies as Datadog's intake would, for tests: it parses
// them with the official models and refuses what the real one refuses, or takes
// and then loses. The models take gigabytes to compile, so only tests import it.
package strict

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/DataDog/datadog-api-client-go/v2/api/datadog"
	"github.com/DataDog/datadog-api-client-go/v2/api/datadogV2"

	"out_edge/build/intake"
)

// Datadog's ages: logs older than MaxLogAge are answered with 202 and thrown
// away; a metric point outside of MaxPointAge to MaxPointLead is refused.
const (
	MaxLogAge    = 18 * time.Hour
	MaxLogLead   = 2 * time.Hour
	MaxPointAge  = time.Hour
	MaxPointLead = 10 * time.Minute
)

// minLogTime is the least timestamp that can be meant in ms: 2000-01-01. A
// time in seconds lies far below it.
const minLogTime = 946_684_800_000

// Checker is the judge; Check fits intake.Config.
type Checker struct {
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

func (c *Checker) now() time.Time {
	if c.Now == nil {
		return time.Now()
	}
	return c.Now()
}

func bad(format string, args ...any) error {
	return &intake.Refusal{Status: http.StatusBadRequest, Reason: fmt.Sprintf(format, args...)}
}

// Check judges a body of endpoint intake.Logs or intake.Series.
func (c *Checker) Check(endpoint string, body []byte) error {
	if !utf8.Valid(body) {
		return bad("the body is not UTF-8")
	}
	if err := checkKeys(body); err != nil {
		return bad("%v", err)
	}
	if endpoint == intake.Logs {
		return c.checkLogs(body)
	}
	return c.checkSeries(body)
}

func (c *Checker) checkLogs(body []byte) error {
	var raw []json.RawMessage
	if err := json.Unmarshal(body, &raw); err != nil {
		return bad("logs: %v", err)
	}
	if len(body) > intake.MaxLogsBytes || len(raw) > intake.MaxLogEntries {
		return &intake.Refusal{Status: http.StatusRequestEntityTooLarge, Reason: "logs: too large"}
	}
	items := make([]datadogV2.HTTPLogItem, len(raw))
	for i := range raw {
		if err := json.Unmarshal(withMessage(raw[i]), &items[i]); err != nil {
			return bad("log %d: %v", i, err)
		}
	}
	var old []int
	for i, item := range items {
		lost, err := c.checkLog(item, len(raw[i]))
		if err != nil {
			return bad("log %d: %v", i, err)
		}
		if lost {
			old = append(old, i)
		}
	}
	if old != nil {
		return &intake.Discard{Index: old, Reason: "outside of 18 h past to 2 h ahead"}
	}
	return nil
}

// withMessage is an entry with a message: the model demands one, the real intake
// takes entries without, as Fluent Bit's own output sends them for records that have
// none.
func withMessage(entry json.RawMessage) json.RawMessage {
	var fields map[string]json.RawMessage
	if json.Unmarshal(entry, &fields) != nil || fields == nil || fields["message"] != nil {
		return entry
	}
	fields["message"] = json.RawMessage(`""`)
	whole, err := json.Marshal(fields)
	if err != nil {
		return entry
	}
	return whole
}

// checkLog also tells whether the entry is accepted and then thrown away.
func (c *Checker) checkLog(item datadogV2.HTTPLogItem, size int) (lost bool, err error) {
	if item.UnparsedObject != nil {
		return false, fmt.Errorf("a reserved attribute has the wrong type")
	}
	if size > intake.MaxEntryBytes {
		return false, fmt.Errorf("%d bytes, over 1 MB: it would be cut", size)
	}
	if err := checkTagList(item.GetDdtags()); err != nil {
		return false, err
	}
	stamp, ok := item.AdditionalProperties["timestamp"]
	if !ok {
		return false, nil // the real intake takes the time of arrival
	}
	return c.checkLogTime(stamp)
}

func (c *Checker) checkLogTime(stamp any) (lost bool, err error) {
	number, ok := stamp.(json.Number)
	if !ok {
		return false, fmt.Errorf("timestamp is not a number")
	}
	ms, err := number.Int64()
	if err != nil {
		return false, fmt.Errorf("timestamp %s is not an integer", number)
	}
	now := c.now()
	if ms < minLogTime || ms > now.Add(24*time.Hour).UnixMilli() {
		return false, fmt.Errorf("timestamp %d is not in ms since 1970, 2000 to tomorrow", ms)
	}
	at := time.UnixMilli(ms)
	return at.Before(now.Add(-MaxLogAge)) || at.After(now.Add(MaxLogLead)), nil
}

func (c *Checker) checkSeries(body []byte) error {
	if len(body) > intake.MaxSeriesBytes {
		return &intake.Refusal{Status: http.StatusRequestEntityTooLarge, Reason: "series: too large"}
	}
	var payload datadogV2.MetricPayload
	if err := json.Unmarshal(body, &payload); err != nil {
		return bad("series: %v", err)
	}
	if found, _ := datadog.ContainsUnparsedObject(payload); found {
		return bad("series: a field has the wrong type or value")
	}
	if len(payload.AdditionalProperties) > 0 {
		return bad("series: unknown fields beside it")
	}
	for i, s := range payload.Series {
		if err := c.checkOne(s); err != nil {
			return bad("series %d: %v", i, err)
		}
	}
	return nil
}

func (c *Checker) checkOne(s datadogV2.MetricSeries) error {
	checks := []func(datadogV2.MetricSeries) error{checkName, checkType, checkTags, checkResources, checkUnit, c.checkPoints}
	for _, check := range checks {
		if err := check(s); err != nil {
			return err
		}
	}
	if len(s.AdditionalProperties) > 0 {
		return fmt.Errorf("unknown fields")
	}
	return nil
}

func (c *Checker) checkPoints(s datadogV2.MetricSeries) error {
	if len(s.Points) == 0 {
		return fmt.Errorf("no points")
	}
	now := c.now()
	for _, p := range s.Points {
		if p.Timestamp == nil || p.Value == nil {
			return fmt.Errorf("a point lacks its timestamp or value")
		}
		if len(p.AdditionalProperties) > 0 {
			return fmt.Errorf("unknown fields in a point")
		}
		at := time.Unix(*p.Timestamp, 0)
		if at.Before(now.Add(-MaxPointAge)) || at.After(now.Add(MaxPointLead)) {
			return fmt.Errorf("a point at %d s is outside of 1 h past to 10 min ahead", *p.Timestamp)
		}
	}
	return nil
}
