package ddsink

import (
	"bytes"
	"strings"

	"out_edge/plugin/wire"
)

// numECSFields is len(ecsFields()).
const numECSFields = 6

// ecsField is a field of Fluent Bit's ECS filter, and the tag that out_datadog makes of
// it.
type ecsField struct {
	name   string
	append func(tags, value []byte) []byte
}

func ecsFields() [numECSFields]ecsField {
	return [...]ecsField{
		{"container_id", func(t, v []byte) []byte { return appendTag(t, "container_id", v) }},
		{"container_name", appendContainerName},
		{"container_image", func(t, v []byte) []byte { return appendTag(t, "container_image", v) }},
		{"ecs_cluster", appendCluster},
		{"ecs_task_definition", appendTaskDefinition},
		{"ecs_task_arn", appendTaskARN},
	}
}

// ddtags appends the tags: those made of ECS fields, then the property's, then env and
// version of an OpenTelemetry resource, then the record's own.
func (w *entryWriter) ddtags(dst []byte) []byte {
	if !w.f.ecs && w.reserved[fieldTags] == nil && w.reserved[fieldEnvName] == nil && w.reserved[fieldEnv] == nil && w.reserved[fieldVersion] == nil {
		return append(dst, w.f.tagsJSON...)
	}
	w.tags = w.tags[:0]
	if w.f.ecs {
		dst = w.ecsTags(dst)
	}
	w.tags = appendTagText(w.tags, []byte(w.f.tags))
	w.resourceTag("env", fieldEnvName, fieldEnv)
	w.resourceTag("version", fieldVersion)
	if own := w.reserved[fieldTags]; own != nil {
		dst = w.ownTags(dst, own)
	}
	if len(w.tags) == 0 {
		return dst
	}
	return w.bytes(dst, "ddtags", w.tags)
}

// resourceTag adds a tag of the first of a resource's attributes that is a text, unless
// the property has a tag of that name.
func (w *entryWriter) resourceTag(name string, from ...reservedField) {
	if strings.HasPrefix(w.f.tags, name+":") || strings.Contains(w.f.tags, ","+name+":") {
		return
	}
	for _, s := range from {
		if v := w.reserved[s]; v != nil && v.Kind() == wire.Str && usable(v) {
			text, _ := v.Bytes()
			w.tags = appendTagText(w.tags, appendMetricTag(nil, name, string(text)))
			return
		}
	}
}

// ecsTags turns the ECS fields into tags. One that is empty or no text stays an
// attribute, like in out_datadog.
func (w *entryWriter) ecsTags(dst []byte) []byte {
	for i, field := range ecsFields() {
		v := w.reserved[fieldContainerID+reservedField(i)]
		if v == nil {
			continue
		}
		if v.Kind() == wire.Str && usable(v) {
			text, _ := v.Bytes()
			w.tags = field.append(w.tags, text)
			continue
		}
		dst = w.named(dst, "", field.name, v)
	}
	return dst
}

// ownTags adds the record's ddtags: one text, or the scalars of a list or of a map,
// whose keys are the tags' names. Other and overlong values are kept as an attribute.
func (w *entryWriter) ownTags(dst []byte, own wire.Value) []byte {
	switch kind := own.Kind(); {
	case kind == wire.Nil:
		return dst
	case len(own) > maxTagsBytes:
	case kind == wire.Array:
		for it := own.Array(); ; {
			v, ok := it.Next()
			if !ok {
				return dst
			}
			w.addTags("", v)
		}
	case kind == wire.Map || isScalar(own):
		w.addTags("", own)
		return dst
	}
	return w.named(dst, conflictPrefix, "ddtags", own)
}

// addTags adds a scalar, or the scalars of a map.
func (w *entryWriter) addTags(name string, v wire.Value) {
	if v.IsMap() && name == "" {
		for it := v.Map(); ; {
			key, value, ok := it.Next()
			if !ok {
				return
			}
			if text, isText := key.Bytes(); isText && len(text) > 0 {
				w.addTags(string(text), value)
			}
		}
	}
	if !isScalar(v) || isBlank(v) {
		return
	}
	before := len(w.tags)
	if before > 0 {
		w.tags = append(w.tags, ',')
	}
	if name != "" {
		w.tags = append(append(w.tags, name...), ':')
	}
	r := v.Reader()
	if kind := r.Next(); kind == wire.Str || kind == wire.Bin {
		w.tags = append(w.tags, r.Bytes()...)
	} else {
		w.tags = appendToken(w.tags, &r, kind)
	}
}

// appendTagText appends tags that are already formatted.
func appendTagText(tags, text []byte) []byte {
	if len(text) == 0 {
		return tags
	}
	if len(tags) > 0 {
		tags = append(tags, ',')
	}
	return append(tags, text...)
}

// appendTag appends name:value.
func appendTag(tags []byte, name string, value []byte) []byte {
	if len(tags) > 0 {
		tags = append(tags, ',')
	}
	tags = append(tags, name...)
	tags = append(tags, ':')
	return append(tags, value...)
}

func appendContainerName(tags, v []byte) []byte {
	return appendTag(tags, "container_name", bytes.TrimPrefix(v, []byte("/")))
}

func appendCluster(tags, v []byte) []byte {
	return appendTag(tags, "cluster_name", behind(v, "cluster/"))
}

// appendTaskDefinition makes two tags of family:version.
func appendTaskDefinition(tags, v []byte) []byte {
	i := bytes.IndexByte(v, ':')
	if i < 0 {
		return appendTag(tags, "ecs_task_definition", v)
	}
	tags = appendTag(tags, "task_family", v[:i])
	return appendTag(tags, "task_version", v[i+1:])
}

// appendTaskARN makes three tags of arn:aws:ecs:<region>:<account>:task/<id>.
func appendTaskARN(tags, v []byte) []byte {
	tags = appendTag(tags, "task_arn", v)
	if rest, ok := bytes.CutPrefix(v, []byte("arn:aws:ecs:")); ok {
		if i := bytes.IndexByte(rest, ':'); i >= 0 {
			tags = appendTag(tags, "region", rest[:i])
		}
	}
	return appendTag(tags, "task_id", behind(v, "task/"))
}

// behind returns what follows the first mark in v, or all of v.
func behind(v []byte, mark string) []byte {
	if i := bytes.Index(v, []byte(mark)); i >= 0 {
		return v[i+len(mark):]
	}
	return v
}
