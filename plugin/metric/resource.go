package metric

import "sync/atomic"

// Resource is an OpenTelemetry resource in Datadog's form. It is immutable.
type Resource struct {
	// Host is the machine, "" if the resource names none.
	Host string
	// Tags are service, env, version and the other attributes, in a fixed order.
	Tags []Label
}

// ResourceRef holds the newest Resource of a series: a deployment may change the
// version of a service but not its labels. It is safe for concurrent use.
type ResourceRef struct{ newest atomic.Pointer[Resource] }

// Set sets the newest.
func (r *ResourceRef) Set(res *Resource) {
	if r.newest.Load() != res {
		r.newest.Store(res)
	}
}

// Get returns the newest; nil for a nil ref.
func (r *ResourceRef) Get() *Resource {
	if r == nil {
		return nil
	}
	return r.newest.Load()
}
