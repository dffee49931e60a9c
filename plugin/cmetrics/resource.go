package cmetrics

import (
	"slices"
	"strings"
	"sync"

	"out_edge/plugin/metric"
	"out_edge/plugin/wire"
)

// otlpContext is what all series of one resource and scope have in common.
type otlpContext struct {
	// forced are labels that take precedence over the samples' own: job, instance,
	// otel_scope_...; promoted are added only where there is no label of the name.
	forced, promoted []staticLabel
	resource         *metric.Resource
	info             *metric.Series // target_info, nil without
}

// contextOf returns the context of an event, and creates it if needed.
func (in *Interner) contextOf(external wire.Value) *otlpContext {
	attributes, scope := external.Get("resource").Get("attributes"), external.Get("scope")
	schema := textOf(external.Get("scope_metrics").Get("metadata").Get("schema_url"))
	x := &in.otlp
	x.key = append(append(append(x.key[:0], attributes...), scope...), schema...)
	c := x.contexts[string(x.key)]
	if c == nil {
		key := string(x.key)
		c = in.newContext(attributesOf(attributes), scope, schema)
		put(&x.contexts, key, c)
	}
	return c
}

// attribute is an attribute of a resource or scope.
type attribute struct{ name, value string }

// attributesOf returns those of a map, sorted by name.
func attributesOf(v wire.Value) (all []attribute) {
	for it := v.Map(); ; {
		key, value, ok := it.Next()
		if !ok {
			slices.SortStableFunc(all, func(a, b attribute) int { return strings.Compare(a.name, b.name) })
			return all
		}
		if name := textOf(key); len(name) > 0 {
			all = append(all, attribute{string(name), textOfAttribute(value)})
		}
	}
}

func valueOf(all []attribute, name string) string {
	for _, a := range all {
		if a.name == name {
			return a.value
		}
	}
	return ""
}

// The attributes that identify a resource.
const (
	serviceNamespace  = "service.namespace"
	serviceName       = "service.name"
	serviceInstanceID = "service.instance.id"
)

func isIdentifying(name string) bool {
	return name == serviceNamespace || name == serviceName || name == serviceInstanceID
}

func (in *Interner) newContext(attributes []attribute, scope wire.Value, schema []byte) *otlpContext {
	c := &otlpContext{resource: datadogResource(attributes)}
	force := func(name, value string) {
		if value != "" {
			c.forced = append(c.forced, staticLabel{[]byte(name), []byte(value)})
		}
	}
	job := valueOf(attributes, serviceName)
	if namespace := valueOf(attributes, serviceNamespace); job != "" && namespace != "" {
		job = namespace + "/" + job
	}
	force("job", job)
	force("instance", valueOf(attributes, serviceInstanceID))
	c.info = in.targetInfo(attributes, c.forced)
	if name := textOf(scope.Get("metadata").Get("name")); len(name) > 0 {
		force("otel_scope_name", string(name))
		force("otel_scope_version", string(textOf(scope.Get("metadata").Get("version"))))
		force("otel_scope_schema_url", string(schema))
		for _, a := range attributesOf(scope.Get("attributes")) {
			force(in.labelName([]byte("otel_scope_"+a.name)), a.value)
		}
	}
	for _, a := range attributes {
		if in.OTLP.PromoteAll || slices.Contains(in.OTLP.Promote, a.name) {
			c.promoted = append(c.promoted, staticLabel{[]byte(in.labelName([]byte(a.name))), []byte(a.value)})
		}
	}
	return c
}

// targetInfo returns the series with the attributes that do not identify the resource;
// nil if there are none, or nothing identifies it.
func (in *Interner) targetInfo(attributes []attribute, identity []staticLabel) *metric.Series {
	id := metric.Series{Name: "target_info", Kind: metric.Gauge, Help: "Target metadata", Info: true}
	for _, l := range identity {
		id.Labels = append(id.Labels, metric.Label{Name: string(l.name), Value: string(l.value)})
	}
	own := 0
	for _, a := range attributes {
		if isIdentifying(a.name) {
			continue
		}
		own++
		name := in.labelName([]byte(a.name))
		if i := slices.IndexFunc(id.Labels, func(l metric.Label) bool { return l.Name == name }); i < 0 {
			id.Labels = append(id.Labels, metric.Label{Name: name, Value: a.value})
		} else if i >= len(identity) {
			id.Labels[i].Value += ";" + a.value
		}
	}
	if own == 0 || len(identity) == 0 {
		return nil
	}
	return in.interner().Intern(id)
}

// datadogTags are the tags that Datadog's exporter makes of attributes; "" is none.
var datadogTags = sync.OnceValue(func() map[string]string {
	return map[string]string{
		serviceName: "service", "service.version": "version", serviceInstanceID: "",
		"host.name": "", "host.id": "", "datadog.host.name": "",
		"container.id": "container_id", "container.name": "container_name", "container.image.name": "image_name", "container.image.tag": "image_tag",
		"cloud.provider": "cloud_provider", "cloud.region": "region", "cloud.availability_zone": "zone",
		"aws.ecs.task.arn": "task_arn", "aws.ecs.task.family": "task_family", "aws.ecs.task.revision": "task_version",
		"aws.ecs.cluster.arn": "ecs_cluster_name", "aws.ecs.container.arn": "ecs_container_arn",
		"k8s.cluster.name": "kube_cluster_name", "k8s.namespace.name": "kube_namespace", "k8s.pod.name": "pod_name", "k8s.node.name": "kube_node",
		"k8s.container.name": "kube_container_name", "k8s.deployment.name": "kube_deployment", "k8s.replicaset.name": "kube_replica_set",
		"k8s.statefulset.name": "kube_stateful_set", "k8s.daemonset.name": "kube_daemon_set", "k8s.job.name": "kube_job", "k8s.cronjob.name": "kube_cronjob",
	}
})

// datadogResource returns a resource in Datadog's form: host, service, env, version,
// and tags for the rest, without what describes the SDK and the process.
func datadogResource(attributes []attribute) *metric.Resource {
	res := &metric.Resource{}
	for _, name := range []string{"datadog.host.name", "host.name", "host.id"} {
		if res.Host = valueOf(attributes, name); res.Host != "" {
			break
		}
	}
	hasEnv := valueOf(attributes, "deployment.environment.name") != ""
	for _, a := range attributes {
		name, isMapped := datadogTags()[a.name]
		switch {
		case a.name == "deployment.environment.name", a.name == "deployment.environment" && !hasEnv:
			name = "env"
		case isMapped, strings.HasPrefix(a.name, "telemetry."), strings.HasPrefix(a.name, "process."):
		default:
			name = a.name
		}
		if name != "" && a.value != "" {
			res.Tags = append(res.Tags, metric.Label{Name: name, Value: a.value})
		}
	}
	return res
}
