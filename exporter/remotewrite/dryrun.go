package remotewrite

import (
	"strconv"
	"strings"
)

// shownSeries is how many series of a request a dry run shows.
const shownSeries = 20

// show returns the request that was encoded last, for a dry run: one line for each
// series, with its first value.
func (p *protocol) show([]byte) string {
	var b strings.Builder
	shown := 0
	p.encoder.eachRun(p.encoded, func(run []item, o *outputs) {
		if p.encoder.sendsNative(o) && run[0].Dist != nil {
			if shown++; shown <= shownSeries {
				showLabels(&b, o.native)
				b.WriteString(" histogram of " + strconv.FormatUint(run[0].Dist.Count, 10) + " @" + strconv.FormatInt(run[0].At, 10) + "\n")
			}
			return
		}
		for output, labels := range o.fields {
			if shown++; shown > shownSeries {
				continue
			}
			showLabels(&b, labels)
			b.WriteString(" " + strconv.FormatFloat(value(run[0].ID.Kind, &run[0].Point, output), 'g', -1, 64))
			b.WriteString(" @" + strconv.FormatInt(run[0].At, 10) + "\n")
		}
	})
	if shown > shownSeries {
		b.WriteString("… " + strconv.Itoa(shown-shownSeries) + " more\n")
	}
	return b.String()
}

// showLabels writes label fields in Prometheus' format: name{label="value"}.
func showLabels(b *strings.Builder, labels []byte) {
	var name string
	var texts, pairs []string
	eachLabelText(labels, func(text []byte) { texts = append(texts, string(text)) })
	for i := 0; i+1 < len(texts); i += 2 {
		if texts[i] == nameLabel {
			name = texts[i+1]
			continue
		}
		pairs = append(pairs, texts[i]+"="+strconv.Quote(texts[i+1]))
	}
	b.WriteString(name + "{" + strings.Join(pairs, ",") + "}")
}
