package rules

import (
	"errors"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/relabel"
	"go.yaml.in/yaml/v3"

	"out_edge/exporter/memo"
	"out_edge/plugin/metric"
)

// relabelRule is the name of the relabel steps for EngineConfig.Refused.
const relabelRule = "metric_relabel_configs"

// defaultRelabelLimit is how many series a generation of the relabeler's cache has if
// there is no limit: the default of series_limit.
const defaultRelabelLimit = 10000

// relabeler applies the relabel steps and caches the results.
type relabeler struct {
	steps   []*relabel.Config
	intern  *metric.Interner
	results memo.Cache[*metric.Series, relabelled]
}

// relabelled is the result for a series.
type relabelled struct {
	to  *metric.Series // nil: dropped
	why refusal        // of a drop that is no intention of the user
}

func newRelabeler(steps []*relabel.Config, cfg EngineConfig) *relabeler {
	if len(steps) == 0 {
		return nil
	}
	r := &relabeler{steps: steps, intern: cfg.Series}
	if r.results.Limit = cfg.Limit; cfg.Limit <= 0 {
		r.results.Limit = defaultRelabelLimit
	}
	return r
}

// Relabel applies metric_relabel_configs to a series. It returns s if nothing changes,
// else the same pointer each time. false drops the series: with nil because the steps
// drop it, with s because it is refused (and counted) this time; ask again then. Labels
// that begin with two underscores are only for the steps and removed at the end. A
// known series costs no allocation.
func (e *Engine) Relabel(s *metric.Series) (*metric.Series, bool) {
	if e == nil || e.relabel == nil {
		return s, true
	}
	to, why := e.relabel.series(s)
	if why != accepted {
		e.cfg.Refused(relabelRule, why.String(), 1)
		return s, false
	}
	return to, to != nil
}

// Relabeler returns Relabel, or nil if there are no steps.
func (e *Engine) Relabeler() func(*metric.Series) (*metric.Series, bool) {
	if e == nil || e.relabel == nil {
		return nil
	}
	return e.Relabel
}

func (r *relabeler) series(s *metric.Series) (*metric.Series, refusal) {
	res, known := r.results.Get(s)
	if !known {
		res = r.results.Put(s, r.work(s))
	}
	return res.to, res.why
}

// work applies the steps.
func (r *relabeler) work(s *metric.Series) relabelled {
	var res relabelled
	b := labels.NewBuilder(labels.EmptyLabels())
	b.Set(model.MetricNameLabel, s.Name)
	for _, l := range s.Labels {
		b.Set(l.Name, l.Value)
	}
	if !relabel.ProcessBuilder(b, r.steps...) {
		return res
	}
	id := *s
	id.Name = b.Get(model.MetricNameLabel)
	id.Labels = nil
	fits := metricName.MatchString(id.Name)
	b.Range(func(l labels.Label) {
		if !strings.HasPrefix(l.Name, "__") {
			id.Labels = append(id.Labels, metric.Label{Name: l.Name, Value: l.Value})
			fits = fits && labelName.MatchString(l.Name) && !reserved(s.Kind, l.Name)
		}
	})
	if !fits {
		res.why = badName
		return res
	}
	slices.SortFunc(id.Labels, func(a, b metric.Label) int { return strings.Compare(a.Name, b.Name) })
	if res.to = s; s.Name != id.Name || !slices.Equal(s.Labels, id.Labels) {
		if s.Name != id.Name {
			id.DatadogName = ""
		}
		res.to = r.intern.Intern(id)
	}
	return res
}

// reserved reports whether the label is reserved for the kind: with it, Prometheus
// would refuse the whole page.
func reserved(kind metric.Kind, label string) bool {
	return kind == metric.Histogram && label == "le" || kind == metric.Summary && label == "quantile"
}

// relabels reads the section metric_relabel_configs, with Prometheus' own code.
func (r *reader) relabels(f *File, n *yaml.Node) {
	for _, e := range r.list(n, relabelRule) {
		if m := r.mapping(e, &relabelSection); m != nil {
			if cfg := r.relabel(m); cfg != nil {
				f.relabels = append(f.relabels, cfg)
			}
		}
	}
}

// relabel reads one step. It first checks what Prometheus would report without a line
// number.
func (r *reader) relabel(m *mapping) *relabel.Config {
	before := len(r.all)
	if re, ok := r.text(m.values["regex"], "regex"); ok {
		if _, err := relabel.NewRegexp(re); err != nil {
			what := strings.NewReplacer("`^(?s:"+re+")$`", "`"+re+"`").Replace(err.Error())
			r.at(m.values["regex"], "regex is no regular expression of Go (RE2): %s", regexFault(what))
		}
	}
	if action, ok := r.text(m.values["action"], "action"); ok && !slices.Contains(relabelActions, strings.ToLower(action)) {
		r.at(m.values["action"], "action %q is unknown: %s", action, suggest(action, relabelActions))
	}
	r.wholes(m)
	if len(r.all) > before {
		return nil
	}
	cfg := new(relabel.Config)
	if err := m.node.Decode(cfg); err != nil {
		r.relabelFault(m.node, err)
		return nil
	}
	if err := cfg.Validate(model.LegacyValidation); err != nil {
		r.at(m.node, "%s: %v", relabelSection.name, err)
		return nil
	}
	return cfg
}

func (r *reader) relabelFault(n *yaml.Node, err error) {
	var types *yaml.TypeError
	if !errors.As(err, &types) {
		r.at(n, "%s: %v", relabelSection.name, err)
		return
	}
	for _, e := range types.Errors {
		line := n.Line
		text := e
		if number, what, ok := cutLine(e); ok {
			line, text = number, what
		}
		r.line(line, "%s: %s", relabelSection.name, text)
	}
}

var relabelActions = []string{"replace", "keep", "drop", "keepequal", "dropequal", "hashmod", "labelmap", "labeldrop",
	"labelkeep", "lowercase", "uppercase"}
