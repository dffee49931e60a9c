package metric

import "sync/atomic"

// Resource is an OpenTelemetry resource as Datadog has it. It is never written to
// after it was made.
type Resource struct {
	// Host is the machine, "" where the resource names none.
	Host string
	// Tags are service, env, version and the other attributes, in a fixed order.
	Tags []Label
}

// ResourceRef holds the newest Resource of a series: a deployment changes the version
// of a service whose labels stay as they are. It is safe for concurrent use.
type ResourceRef struct{ newest atomic.Pointer[Resource] }

// Set makes res the newest.
func (r *ResourceRef) Set(res *Resource) {
	if r.newest.Load() != res {
		r.newest.Store(res)
	}
}

// Get is the newest; nil of a nil ref.
func (r *ResourceRef) Get() *Resource {
	if r == nil {
		return nil
	}
	return r.newest.Load()
}
