package rules

import (
	"strings"

	"go.yaml.in/yaml/v3"

	"out_edge/plugin/chunk"
	"out_edge/plugin/delivery"
)

// Route is the set of sinks that a record is sent to. A record's metrics are sent to
// the metrics sinks among them; Prometheus is the page.
type Route struct {
	Prometheus, Datadog, DatadogMetrics, RemoteWrite bool
}

// everywhere is the route of records without a matching rule.
var everywhere = Route{Prometheus: true, Datadog: true, DatadogMetrics: true, RemoteWrite: true}

// Metrics reports whether any sink wants the record's metrics.
func (r Route) Metrics() bool { return r.Prometheus || r.DatadogMetrics || r.RemoteWrite }

// Dropped reports whether no sink wants the record.
func (r Route) Dropped() bool { return r == Route{} }

// route is one element of routes.
type route struct {
	tags tagPattern
	when condition
	to   Route
}

// sinkNames are the words of a route's sinks.
var sinkNames = []string{delivery.SinkPrometheus, delivery.SinkDatadog, delivery.SinkDatadogMetrics, delivery.SinkRemoteWrite}

// Route returns a record's route: that of the first one whose tag and condition match,
// or everywhere. rec is nil for a metrics event, which fulfils no condition. Without
// routes, or for a nil File, it costs nothing.
func (f *File) Route(tag string, rec *chunk.Record) Route {
	if f == nil || len(f.routes) == 0 {
		return everywhere
	}
	routes, known := f.byTag.Get(tag)
	if !known {
		tag = strings.Clone(tag)
		routes = f.byTag.Put(tag, f.routesOf(tag))
	}
	for _, r := range routes {
		if r.when.holds(rec) {
			return r.to
		}
	}
	return everywhere
}

// routesOf returns the routes that match the tag.
func (f *File) routesOf(tag string) []*route {
	var of []*route
	for _, r := range f.routes {
		if r.tags.match(tag) == nil {
			continue
		}
		of = append(of, r)
		if len(r.when.tests) == 0 {
			break
		}
	}
	return of
}

// routes reads the section routes.
func (r *reader) routes(f *File, n *yaml.Node) {
	for _, e := range r.list(n, "routes") {
		m := r.mapping(e, &routeSection)
		if m == nil {
			continue
		}
		ro := &route{when: r.condition(m.values["condition"])}
		ro.tags, _ = r.pattern(m)
		r.checkReach(f, m)
		r.sinks(ro, m.values["sinks"])
		f.routes = append(f.routes, ro)
	}
}

func (r *reader) sinks(ro *route, n *yaml.Node) {
	if n == nil {
		return
	}
	if n.Kind != yaml.SequenceNode {
		r.at(n, "sinks must be a list: write like [datadog], or [] to drop")
		return
	}
	on := []*bool{&ro.to.Prometheus, &ro.to.Datadog, &ro.to.DatadogMetrics, &ro.to.RemoteWrite}
	for _, e := range r.list(n, "sinks") {
		if i := r.choice(e, "sink", sinkNames); i >= 0 {
			*on[i] = true
		}
	}
}

// checkReach finds routes after one that matches everything.
func (r *reader) checkReach(f *File, m *mapping) {
	for _, before := range f.routes {
		if len(before.when.tests) == 0 && before.tags.re != nil && before.tags.re.String() == anyTag().re.String() {
			r.at(m.node, "no record comes this far: an earlier route takes all of them; the first that fits wins: put this one before it")
			return
		}
	}
}
