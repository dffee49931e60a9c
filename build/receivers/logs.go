package receivers

import (
	"context"
	"encoding/json"
	"net/url"
	"strconv"
	"time"
)

// VictoriaLogs takes Datadog's logs at /api/v2/logs. It is stricter than Datadog
// with types: a request in which any attribute but `timestamp` is no string is
// answered with 400.
type VictoriaLogs struct{ *Process }

// StartVictoriaLogs keeps what it takes in dir. It takes records of any age.
func StartVictoriaLogs(ctx context.Context, dir string) (*VictoriaLogs, error) {
	program, err := victoriaLogs().Path(ctx)
	if err != nil {
		return nil, err
	}
	p, err := start(ctx, program, "/health", func(addr string) []string {
		return []string{"-httpListenAddr=" + addr, "-storageDataPath=" + dir, "-retentionPeriod=100y", "-futureRetention=10y"}
	})
	if err != nil {
		return nil, err
	}
	return &VictoriaLogs{p}, nil
}

// Log is one record as it is stored: its fields, `_msg` the message among them.
type Log struct {
	Time   time.Time
	Fields map[string]string
}

// Logs are all records that match a query of LogsQL, such as `*`, in no order. What
// was taken before is found.
func (v *VictoriaLogs) Logs(ctx context.Context, query string) (all []Log, err error) {
	if _, err := v.get(ctx, "/internal/force_flush"); err != nil {
		return nil, err
	}
	const most = 10_000_000
	q := url.Values{"query": {query}, "limit": {strconv.Itoa(most)}}
	err = v.lines(ctx, "/select/logsql/query?"+q.Encode(), func(d *json.Decoder) error {
		var fields map[string]string
		if err := d.Decode(&fields); err != nil {
			return err
		}
		at, err := time.Parse(time.RFC3339Nano, fields["_time"])
		delete(fields, "_time")
		delete(fields, "_stream")
		delete(fields, "_stream_id")
		all = append(all, Log{at, fields})
		return err
	})
	return all, err
}
