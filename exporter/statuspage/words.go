package statuspage

// word is one entry of the list at the end of the page: what a word on it means, and
// which of the project's documents says more.
type word struct{ ID, Title, Meaning, Doc string }

// words are the entries, in the order of the page. The page loads nothing and the device
// may have no way to the internet, so the meanings are here.
func words() []word {
	return []word{
		{"state", "State", "Well: nothing failed, was dropped or stopped. Needs a look: a drop in the last 15 minutes, a sink that fails, chunks that wait, or no new sample. Not well: not ready, or a sink has failed for a minute.", "docs/troubleshooting.md#the-state-on-the-page"},
		{"input", "Input", "A tag of Fluent Bit whose records come to this output. Rates are those of the last minute; sizes are of Fluent Bit's chunks, before compression.", "docs/rules.md#routes"},
		{"sink", "Sink", "A receiver: Datadog's logs, Datadog's metrics, remote write, and the page at /metrics that Prometheus scrapes.", "docs/delivery.md"},
		{"waiting", "Waiting", "Chunks that their receiver does not have yet. They stay in Fluent Bit's buffer, on disk if storage.type is filesystem, until it has. After a fault one small request asks again at growing intervals.", "docs/delivery.md#in-an-outage"},
		{"fault", "Last fault", "The last request that the receiver refused or did not answer: an HTTP status, or a word such as timeout.", "README.md#when-things-fail"},
		{"counts", "Delivered, retried, dropped", "Records, or samples for sinks of metrics, since the start. A drop has a reason, listed below it.", "docs/reasons.md"},
		{"sent", "Sent", "Bytes of request bodies after compression, without headers and TLS. The day is UTC's; the month is 30 days at the rate since the start.", "docs/delivery.md#what-a-device-sends-a-day"},
		{"repairs", "Time repair", "A record whose time was wrong, because it passed through too small a number or the wrong unit, or was stamped before the clock was set. The struck time came, the bold one is sent. Arrival: nothing better was known than when it came.", "docs/time.md#verdicts"},
		{"records", "Last records", "The last three records of each flush: their main text, then their fields. What looks like a key, a password or a token is not shown.", "docs/open-port.md#the-last-records"},
		{"settings", "Settings", "The properties of this output that are set. Secrets are not shown.", "README.md#properties"},
	}
}
