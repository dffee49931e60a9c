package check

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// yaml reads the format of Fluent Bit 2.0 and later: service, pipeline.inputs and
// so on.
func (s *source) yaml(path string, text []byte, depth int) {
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		s.fault(Place{File: path, Line: 1}, "no YAML: %s", strings.TrimPrefix(err.Error(), "yaml: "))
		return
	}
	if len(doc.Content) == 0 {
		return
	}
	root := doc.Content[0]
	s.yamlEnv(path, child(root, "env"))
	if n := child(root, "includes"); n != nil {
		for _, file := range n.Content {
			at := Place{File: path, Line: file.Line}
			s.include(at, s.expand(at, file.Value), depth)
		}
	}
	if n := child(root, "service"); n != nil {
		s.yamlSection(path, "service", n)
	}
	pipeline := child(root, "pipeline")
	for _, kind := range []string{"input", "filter", "output"} {
		list := child(pipeline, kind+"s")
		if list == nil {
			continue
		}
		for _, n := range list.Content {
			s.yamlSection(path, kind, n)
		}
	}
}

func (s *source) yamlEnv(path string, n *yaml.Node) {
	if n == nil {
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		s.set[n.Content[i].Value] = s.expand(Place{File: path, Line: n.Content[i].Line}, n.Content[i+1].Value)
	}
}

// yamlSection reads a mapping. Each element of a list is an entry, like in Fluent Bit;
// what is nested deeper (processors, routes) is no property.
func (s *source) yamlSection(path, name string, n *yaml.Node) {
	section := &Section{Place: Place{File: path, Line: n.Line}, Name: name}
	s.sections = append(s.sections, section)
	if n.Kind != yaml.MappingNode {
		s.fault(section.Place, "must be a mapping of keys and values")
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		values := []*yaml.Node{value}
		if value.Kind == yaml.SequenceNode {
			values = value.Content
		}
		for _, v := range values {
			at := Place{File: path, Line: key.Line}
			if v.Kind == yaml.ScalarNode {
				section.Entries = append(section.Entries, Entry{Place: at, Key: key.Value, Value: s.expand(at, v.Value)})
			}
		}
	}
}

// child is a mapping's value, or nil.
func child(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}
