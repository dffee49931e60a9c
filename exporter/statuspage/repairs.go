package statuspage

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"out_edge/exporter/web"
	"out_edge/timefix"
)

// repairRow is one repair as /debug/time shows it.
type repairRow struct {
	At      string `json:"at"`
	Tag     string `json:"tag"`
	Form    string `json:"form"`
	Raw     string `json:"raw"` // hex, big endian
	Before  string `json:"before"`
	After   string `json:"after"`
	Verdict string `json:"verdict"`
	Why     string `json:"why"`
}

func (r *repairRow) columns() []string {
	return []string{r.At, r.Tag, r.Form, r.Raw, r.Before, r.After, r.Verdict, r.Why}
}

func repairHeads() []string {
	return []string{"at", "tag", "form", "raw", "before", "after", "verdict", "why"}
}

// maxRepairRows is how many repairs are shown, of all instances together.
const maxRepairRows = 100

// ServeRepairs shows the last time repairs at /debug/time: as JSON, as HTML or as
// plain text, as the request's Accept header or ?format=json asks.
func (p *Page) ServeRepairs(w http.ResponseWriter, r *http.Request) {
	rows := repairRows(p.Snapshot(Query{}))
	accept := r.Header.Get("Accept")
	switch {
	case r.URL.Query().Get("format") == "json", strings.Contains(accept, "application/json"):
		web.WriteJSON(w, http.StatusOK, rows)
	case strings.Contains(accept, "text/html"):
		setHTML(w.Header())
		writerepairTable(w, rows)
	default:
		writeRepairsText(w, rows)
	}
}

// repairRows are the last repairs of all instances, newest first.
func repairRows(s *Snapshot) []repairRow {
	var all []timefix.Repair
	for i := range s.Instances {
		all = append(all, s.Instances[i].Repairs...)
	}
	slices.SortStableFunc(all, func(a, b timefix.Repair) int { return cmp.Compare(b.At.Boot, a.At.Boot) })
	all = all[:min(len(all), maxRepairRows)]
	rows := make([]repairRow, len(all))
	for i := range all {
		rows[i] = rowOf(&all[i])
	}
	return rows
}

func rowOf(r *timefix.Repair) repairRow {
	return repairRow{At: stamp(r.At.Wall), Tag: r.Tag, Form: formNames[r.Raw.Form], Raw: rawHex(r.Raw),
		Before: stamp(r.Before), After: stamp(r.After), Verdict: r.Verdict.String(), Why: r.Why}
}

func stamp(unixNano int64) string {
	return time.Unix(0, unixNano).UTC().Format("2006-01-02T15:04:05.000000000Z")
}

var formNames = map[timefix.Form]string{timefix.EventTime: "eventtime", timefix.Int: "int", timefix.Uint: "uint",
	timefix.Float: "float", timefix.Absent: "none"}

// rawHex is the 8 bytes of a raw time as they stand in a payload.
func rawHex(raw timefix.Raw) string {
	if raw.Form == timefix.Absent {
		return ""
	}
	return fmt.Sprintf("%016x", raw.Bits)
}

func writeRepairsText(w http.ResponseWriter, rows []repairRow) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, strings.Join(repairHeads(), "\t"))
	for i := range rows {
		_, _ = fmt.Fprintln(t, strings.Join(plain(rows[i].columns()), "\t"))
	}
	_ = t.Flush() // the reader has gone
}

// plain takes control characters out of what came from outside.
func plain(cells []string) []string {
	for i, c := range cells {
		cells[i] = strings.Map(func(r rune) rune {
			if r < ' ' || r == 0x7f {
				return '?'
			}
			return r
		}, c)
	}
	return cells
}
