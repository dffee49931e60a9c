package metric

// Definition describes one metric that the plugin makes itself. The page, Datadog and
// the README's table all use it.
type Definition struct {
	// Word and Rest make the name: <prefix>_<word>_<rest> in Prometheus,
	// <prefix>.<word>.<rest> in Datadog.
	Word, Rest string
	Kind       Kind
	// Unit is Datadog's unit name, or "".
	Unit string
	Help string
	// Labels (Markdown) and From are for the README.
	Labels, From string
}

// Name is the metric's name at Prometheus.
func (d *Definition) Name(prefix string) string { return prefix + "_" + d.Word + "_" + d.Rest }

// DatadogName is the metric's name at Datadog.
func (d *Definition) DatadogName(prefix string) string { return prefix + "." + d.Word + "." + d.Rest }
