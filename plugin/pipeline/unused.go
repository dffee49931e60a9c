package pipeline

import (
	"fmt"
	"log/slog"
	"strings"
	"sync"

	"out_edge/exporter/rules"
	"out_edge/plugin/chunk"
	"out_edge/plugin/delivery"
)

// unused counts the records that are not used: no rule applies to them, and no sink
// takes them as logs. It logs the first of each tag.
type unused struct {
	engine    *rules.Engine
	prefix    string // of the plugin's own metrics
	telemetry delivery.Telemetry
	log       *slog.Logger

	mu     sync.Mutex
	logged map[string]bool // tags
}

const (
	// maxUnusedTags is the most tags that are logged, maxShownFields the most fields of
	// a record.
	maxUnusedTags  = 32
	maxShownFields = 12
)

// take counts a record that made no sample and is no log, unless a rule applies to it.
func (u *unused) take(tag string, rec *chunk.Record) {
	if u.engine.Takes(tag, rec) {
		return
	}
	u.telemetry.Dropped(delivery.SinkDecode, delivery.ReasonNoRule, 1)
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.logged[tag] || len(u.logged) >= maxUnusedTags {
		return
	}
	if u.logged == nil {
		u.logged = make(map[string]bool)
	}
	tag = strings.Clone(tag)
	u.logged[tag] = true
	fields := rules.NumericFields(rec, maxShownFields)
	u.log.Warn("nothing comes of this tag's records: no rule of `config_file` is for them, and no sink takes them as logs; they are counted as no_rule, and this is said once a tag",
		"tag", tag, "numeric_fields", strings.Join(fields, ","), "rule", u.rule(tag, len(fields) > 0))
}

// word returns a tag as the first word of a metric's name that is not one of the
// plugin's.
func (u *unused) word(tag string) string {
	word := strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
			return r
		}
		return '_'
	}, tag)
	if word == "" || word[0]|0x20 < 'a' || 'z' < word[0]|0x20 || strings.HasPrefix(word+"_", u.prefix+"_") {
		return "records_" + word
	}
	return word
}

// rule returns a suggested rule for the records of a tag, as a line of YAML: for their
// numbers, or for their count if they have none.
func (u *unused) rule(tag string, hasNumbers bool) string {
	word := u.word(tag)
	match := strings.ReplaceAll(tag, "'", "''")
	if hasNumbers {
		return fmt.Sprintf("metrics: [{name: %s_value, type: gauge, help: Numbers in the records., match: '%s', value_field: '*'}]", word, match)
	}
	return fmt.Sprintf("metrics: [{name: %s_records_total, type: counter, help: Records., match: '%s'}]", word, match)
}
