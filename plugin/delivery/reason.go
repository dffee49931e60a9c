package delivery

import (
	"slices"
	"strings"
)

// Reasons that the status page uses.
const (
	ReasonSeriesLimit  = "series_limit"
	ReasonNameConflict = "name_conflict"
)

// ReasonDryRun is the reason under which a sink counts what it would have sent.
const ReasonDryRun = "dry_run"

// Reason is one value of the label `reason` of edge_dropped_records_total and
// edge_adjusted_records_total.
type Reason struct {
	Name string
	// Dropped and Adjusted are the sinks that count records under it, separated by
	// spaces.
	Dropped, Adjusted string
	// Rule means that only config_file's rules use it, with the sink prometheus; it is
	// also a reason of edge_rule_refused_samples_total.
	Rule bool
	// Meaning is for the documentation.
	Meaning string
	// Cure is what to do about it, for the log, where nothing else in the log speaks of
	// it. Said are the sinks that do.
	Cure, Said string
}

const (
	decode     = SinkDecode
	prometheus = SinkPrometheus
	datadog    = SinkDatadog
	metrics    = SinkDatadogMetrics
	remote     = SinkRemoteWrite
	senders    = datadog + " " + metrics + " " + remote
	numbers    = metrics + " " + remote
)

// Reasons is the whole table: no other reason is counted.
var Reasons = []Reason{
	{Name: "undecodable", Dropped: decode, Meaning: "The record, or the metrics event, is malformed."},
	{Name: "merged_names", Dropped: decode, Meaning: "Two metrics of OpenTelemetry's have one name and the same labels at Prometheus: the second is left out."},
	{Name: "traces", Dropped: decode, Meaning: "A chunk of traces, which no sink takes."},
	{Name: ReasonNoRule, Dropped: decode, Meaning: "No rule of config_file is for the record, and no sink takes it as a log; [docs/rules.md](rules.md#records-that-nothing-takes)."},

	{Name: ReasonSeriesLimit, Dropped: prometheus, Meaning: "The series would be new, and there are already `series_limit` series."},
	{Name: ReasonNameConflict, Dropped: prometheus, Meaning: "The name already stands for something else on the page: another type, or one of the plugin's own series."},
	{Name: "shown_by_other_instance", Dropped: prometheus, Meaning: "Another output with the same `listen` shows this series, and is not given these records."},
	{Name: "second_source", Dropped: prometheus, Meaning: "Records of another tag make the same series; `tag_label` tells them apart."},
	{Name: "not_finite", Dropped: prometheus + " " + metrics, Meaning: "NaN or an infinity.", Cure: "the source writes NaN or an infinity: have it leave such values out"},
	{Name: "wrapped", Dropped: prometheus, Meaning: "A difference that went below zero: a device's counter was reset."},
	{Name: "stuck", Dropped: prometheus, Meaning: "4294967295: a 32-bit counter that is full and no longer counts."},
	{Name: "implausible", Dropped: prometheus, Meaning: "More since the last record than any device can transfer."},
	{Name: "malformed", Dropped: prometheus + " " + remote, Meaning: "A histogram or summary that contradicts itself; on the page also a sample without a name.", Cure: "look at the source of the histogram: bounds must rise, and each needs a count"},
	{Name: "no_value", Dropped: prometheus, Rule: true, Meaning: "The record does not have the rule's field, or it is null."},
	{Name: "not_a_number", Dropped: prometheus, Rule: true, Meaning: "The rule's field is not a number."},
	{Name: "negative", Dropped: prometheus, Rule: true, Meaning: "A counter cannot fall."},
	{Name: "label_too_long", Dropped: prometheus, Rule: true, Meaning: "A label's value has more than 1024 bytes."},
	{Name: "relabel_bad_name", Dropped: prometheus, Rule: true, Meaning: "Relabelling leaves no valid name, or a label that the type needs for itself."},
	{Name: "relabel_duplicate", Dropped: prometheus, Rule: true, Meaning: "Relabelling makes one series of two counters or histograms; only one of them is its source."},

	{Name: ReasonRejected, Dropped: senders, Meaning: "The receiver refused this one entry or sample, and said no more."},
	{Name: ReasonTooLarge, Dropped: senders, Meaning: "The entry alone is over the receiver's limit."},
	{Name: "too_old", Dropped: senders, Meaning: "Older than the receiver takes; logs only with `too_old drop`.", Cure: "they waited for too long, or the clock of their source is behind: look at the connection and at time_repair; `too_old arrival` sends logs with the present time", Said: remote},
	{Name: "too_new", Dropped: numbers, Meaning: "Further in the future than the receiver takes."},
	{Name: "no_name", Dropped: numbers, Meaning: "A sample without a name that the receiver takes.", Cure: "relabelling leaves no name: look at metric_relabel_configs"},
	{Name: "out_of_order", Dropped: remote, Meaning: "The receiver has a newer sample of the series."},
	{Name: "duplicate", Dropped: remote, Meaning: "The receiver has another value of the series at that time."},
	{Name: "not_written", Dropped: remote, Meaning: "The receiver says that it wrote fewer samples than it accepted."},

	{Name: "given_up", Dropped: senders, Meaning: "Fluent Bit did not offer the chunk again within an hour: `retry_limit` was reached.", Cure: "set retry_limit no_limits in this output"},
	{Name: "forgotten", Dropped: numbers, Meaning: "The samples of chunks that wait took more than 4 MiB, and the chunk, read again, no longer gives this one: another source has its series since, or a limit is reached.", Cure: "look at series_limit, and at tags that make the same series (tag_label)"},
	{Name: "shutdown", Dropped: senders, Meaning: "The chunk waited in memory when the agent stopped; `workers 1` keeps chunks in Fluent Bit's buffer."},
	{Name: "panic", Dropped: senders, Meaning: "A fault of the plugin: please report it."},

	{Name: "truncated", Adjusted: datadog, Meaning: "The message was cut to what Datadog takes."},
	{Name: "attributes_dropped", Adjusted: datadog, Meaning: "Attributes were left out: more, or deeper, than Datadog takes."},
	{Name: "too_old_sent", Adjusted: datadog, Meaning: "Sent with its own time, which is older than what Datadog shows."},
	{Name: "too_new_sent", Adjusted: datadog, Meaning: "Sent with its own time, which is further ahead than what Datadog shows."},
	{Name: "too_old_arrival", Adjusted: datadog, Meaning: "Too old for Datadog, so it was sent with its time of arrival (`too_old arrival`)."},
	{Name: ReasonDryRun, Adjusted: senders, Meaning: "`edge_dry_run` is on: it was not sent."},
	{Name: "first_sight", Adjusted: metrics, Meaning: "The first total of a counter: there is nothing to take a difference to."},
	{Name: "superseded", Adjusted: numbers, Meaning: "A later sample of the series came with the same chunk, and is sent in its place."},
	{Name: "same_time", Adjusted: numbers, Meaning: "Another sample of the series has the same millisecond (at Datadog: second); the later one is sent."},
	{Name: "folded", Adjusted: metrics, Meaning: "A count that waited for longer than Datadog takes: it went with the oldest second that it does take.", Cure: "nothing is lost: the counts of a long outage appear at its end"},
	{Name: "resent", Adjusted: remote, Meaning: "Refused as out of order after a request that may have stored it, and only that: it had arrived."},
}

// DropReasons returns the reasons for which a sink drops, without those of rules.
func DropReasons(sink string) []string {
	return reasonsOf(func(r *Reason) bool { return !r.Rule && names(r.Dropped, sink) })
}

// CureOf returns what to do about a reason at a sink, or "" if something else in the log
// speaks of it.
func CureOf(sink, reason string) string {
	for i := range Reasons {
		if r := &Reasons[i]; r.Name == reason && !names(r.Said, sink) {
			return r.Cure
		}
	}
	return ""
}

// AdjustReasons returns the reasons for which a sink sends a record with changes.
func AdjustReasons(sink string) []string {
	return reasonsOf(func(r *Reason) bool { return names(r.Adjusted, sink) })
}

func reasonsOf(wanted func(*Reason) bool) (all []string) {
	for i := range Reasons {
		if r := &Reasons[i]; wanted(r) {
			all = append(all, r.Name)
		}
	}
	return all
}

func names(sinks, sink string) bool { return slices.Contains(strings.Fields(sinks), sink) }

// ReasonMarkdown returns the table for the documentation.
func ReasonMarkdown() string {
	var b strings.Builder
	b.WriteString("| reason | dropped by | adjusted by | meaning |\n| --- | --- | --- | --- |\n")
	for _, r := range Reasons {
		dropped := strings.Join(strings.Fields(r.Dropped), ", ")
		if r.Rule {
			dropped += " (rules)"
		}
		b.WriteString("| `" + r.Name + "` | " + dropped + " | " + strings.Join(strings.Fields(r.Adjusted), ", ") + " | " + r.Meaning + " |\n")
	}
	return b.String()
}
