package rules

import (
	"math"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"out_edge/plugin/chunk"
	"out_edge/plugin/metric"
)

// rule makes a metric's samples from matching records.
type rule struct {
	tags  tagPattern
	when  condition
	field *path // nil: each record counts 1
	// everyField: each numeric field gives a value of its own.
	everyField bool
	scale      float64
	family     *family
	labels     []template // in the order of family.labels
}

// value returns the metric's value of rec.
func (r *rule) value(rec *chunk.Record) (float64, refusal) {
	v := 1.0
	if r.field != nil {
		field := r.field.find(rec)
		if len(field) == 0 {
			return 0, noValue
		}
		var ok bool
		if v, ok = number(field); !ok {
			return 0, notANumber
		}
	}
	return r.scaled(v)
}

// scaled returns a value in the unit of the metric.
func (r *rule) scaled(v float64) (float64, refusal) {
	v *= r.scale
	switch {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return 0, notFinite
	case v < 0 && r.family.kind == metric.Counter:
		return 0, negative
	}
	return v, accepted
}

// metrics reads the section metrics.
func (r *reader) metrics(f *File, n *yaml.Node) {
	for _, e := range r.list(n, "metrics") {
		m := r.mapping(e, &metricSection)
		if m == nil {
			continue
		}
		ru, ok := r.rule(m)
		if own := r.family(m, ru); own != nil && r.settle(f, m, ru, own) && ok {
			f.rules = append(f.rules, ru)
		}
	}
	r.checkFamilies(f)
}

// rule reads everything of a rule except its family.
func (r *reader) rule(m *mapping) (*rule, bool) {
	before := len(r.all)
	ru := &rule{scale: 1}
	tags, tagsOK := r.pattern(m)
	ru.tags = tags
	ru.when = r.condition(m.values["condition"])
	if v := m.values["value_field"]; v != nil && v.Value == everyField {
		ru.everyField = true
	} else {
		ru.field = r.path(v, "value_field")
	}
	if s := m.values["scale"]; s != nil {
		v, ok := r.number(s, "scale")
		if ru.scale = v; ok && v == 0 {
			r.at(s, "scale is 0, which makes every value 0: leave it out, or write what to multiply by")
		}
	}
	if !tagsOK {
		ru.tags = tagPattern{}
	}
	return ru, len(r.all) == before
}

// family reads a rule's metric and labels. It returns nil if there is too little.
func (r *reader) family(m *mapping, ru *rule) *family {
	f := &family{line: m.node.Line}
	name, hasName := r.text(m.values["name"], "name")
	kind := r.choice(m.values["type"], "type", kindNames)
	f.help, _ = r.text(m.values["help"], "help")
	f.help = strings.TrimSpace(f.help)
	if hasName {
		f.name, f.datadog, f.unit = name, metric.DatadogName(name), metric.UnitOf("", name)
		hasName = r.checkName(m, name, kind)
	}
	if kind >= 0 {
		f.kind = kinds[kind]
		r.checkKind(m, f, ru.scale)
	}
	r.datadog(m, f)
	r.labels(m, ru, f)
	if !hasName || kind < 0 {
		return nil
	}
	ru.family = f
	return f
}

// checkName checks a metric's name; kind is an index of kindNames or -1.
func (r *reader) checkName(m *mapping, name string, kind int) bool {
	n := m.values["name"]
	switch base, total := strings.CutSuffix(name, "_total"); {
	case !metricName.MatchString(name):
		r.at(n, "name %q is no metric's name: use letters, digits and _, with no digit first", name)
		return false
	case kind < 0:
	case kinds[kind] == metric.Counter && !total:
		r.at(n, "name %s: a counter's name ends in _total: write %s_total", name, name)
	case kinds[kind] != metric.Counter && total && base != "":
		r.at(n, "name %s: _total is for counters: write %s, or type: counter", name, base)
	}
	return true
}

// checkKind reads and checks what depends on the type.
func (r *reader) checkKind(m *mapping, f *family, scale float64) {
	r.histogram(m, f)
	value := m.values["value_field"]
	switch {
	case value == nil && f.kind != metric.Counter:
		r.at(m.node, "a %s has no value_field: add value_field: ... (only a counter can count records)", kindOf(f.kind))
	case scale < 0 && f.kind == metric.Counter:
		r.at(m.values["scale"], "scale %v would make a counter fall: write a positive number, or type: gauge", scale)
	}
}

// histogram reads the buckets of both forms.
func (r *reader) histogram(m *mapping, f *family) {
	buckets, native := m.values["buckets"], m.values["native"]
	if f.kind != metric.Histogram {
		if buckets != nil {
			r.at(buckets, "buckets are for histograms: leave them out, or write type: histogram")
		}
		if native != nil {
			r.at(native, "native is for histograms: leave it out, or write type: histogram")
		}
		return
	}
	if native != nil {
		f.native = r.native(native)
	}
	switch {
	case buckets != nil:
		f.bounds = r.buckets(buckets)
	case native == nil:
		f.bounds = defaultBuckets
	}
}

func (r *reader) buckets(n *yaml.Node) []float64 {
	var bounds []float64
	before := len(r.all)
	for _, e := range r.list(n, "buckets") {
		b, _ := r.number(e, "a bucket's bound (+Inf goes without saying)")
		bounds = append(bounds, b)
	}
	if len(r.all) == before && !isAscending(bounds) {
		r.at(n, "buckets must rise: write like [0.1, 0.5, 1]")
	}
	return bounds
}

// datadog reads what is only for Datadog.
func (r *reader) datadog(m *mapping, f *family) {
	if name, ok := r.text(m.values["datadog_name"], "datadog_name"); ok {
		f.datadog, f.datadogByUser = name, true
		if !datadogName.MatchString(name) {
			r.at(m.values["datadog_name"], "datadog_name %q is no name at Datadog: use letters, digits, _ and ., with a letter first, 200 characters at most", name)
		}
	}
	if unit, ok := r.text(m.values["unit"], "unit"); ok {
		f.unit, f.unitByUser = unit, true
	}
}

// labels reads label names and values.
func (r *reader) labels(m *mapping, ru *rule, f *family) {
	byName := make(map[string]template)
	if ru.everyField {
		byName[fieldLabel], f.labels = nil, []string{fieldLabel}
	}
	r.labelMap(m.values["labels"], ru, f, byName)
	slices.Sort(f.labels)
	for _, name := range f.labels {
		ru.labels = append(ru.labels, byName[name])
	}
}

// labelMap reads the labels in the file.
func (r *reader) labelMap(n *yaml.Node, ru *rule, f *family, byName map[string]template) {
	if n == nil || isNull(n) {
		return
	}
	if n.Kind != yaml.MappingNode {
		r.at(n, "labels must be a mapping: write like status: $status")
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], r.follow(n.Content[i+1])
		t, ok := r.label(k, v, ru.tags)
		if _, twice := byName[k.Value]; twice && ru.everyField && k.Value == fieldLabel {
			r.at(k, "label %s has the field's name where value_field is \"*\": choose another name", fieldLabel)
		} else if twice {
			r.at(k, "label %s is given twice: keep one", k.Value)
		} else if ok && r.checkLabel(k, f.kind) {
			byName[k.Value] = t
			f.labels = append(f.labels, k.Value)
		}
	}
}

func (r *reader) label(k, v *yaml.Node, tags tagPattern) (template, bool) {
	text, ok := r.text(v, "label "+k.Value)
	if !ok || tags.re == nil {
		return nil, ok
	}
	t, err := parseTemplate(text, tags)
	if err != nil {
		r.at(v, "label %s: %v", k.Value, err)
	}
	return t, err == nil
}

func (r *reader) checkLabel(k *yaml.Node, kind metric.Kind) bool {
	switch name := k.Value; {
	case !labelName.MatchString(name):
		r.at(k, "label %q is no label's name: use letters, digits and _, with no digit first", name)
	case strings.HasPrefix(name, "__"):
		r.at(k, "label %s: Prometheus keeps names with two underscores first for itself: write %s", name, strings.TrimLeft(name, "_"))
	case name == "le" && kind == metric.Histogram:
		r.at(k, "label le is the histogram's own: choose another name")
	default:
		return true
	}
	return false
}

// settle adds the rule to its name's family.
func (r *reader) settle(f *File, m *mapping, ru *rule, own *family) bool {
	i := slices.IndexFunc(f.families, func(x *family) bool { return x.name == own.name })
	if i < 0 {
		own.index = len(f.families)
		f.families = append(f.families, own)
		return true
	}
	ru.family = f.families[i]
	what := ru.family.differs(own)
	ru.family.join(own)
	if what != "" {
		r.at(m.node, "metric %s is defined twice with another %s: write the same, or another name", own.name, what)
	}
	return what == ""
}

// checkFamilies checks what needs all rules.
func (r *reader) checkFamilies(f *File) {
	exposed := make(map[string]*family)
	for _, fam := range f.families {
		if fam.help == "" {
			r.line(fam.line, "metric %s has no help: add help: ...", fam.name)
		}
		for _, name := range fam.exposedNames() {
			if other := exposed[name]; other != nil && other != fam {
				r.clash(fam, other)
			}
			exposed[name] = fam
		}
	}
}

func (r *reader) clash(fam, other *family) {
	r.line(fam.line, "metric %s would look like part of %s, in line %d, on the page: choose another name", fam.name, other.name, other.line)
}
