// Command dashboards writes examples/dashboards anew from the tables of series: every
// series of a table is on a dashboard, and no dashboard asks for one that no table
// has. Run it by `make dashboards`; a test fails when a file is behind.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"path/filepath"
)

// folder is where they are, from the repository's root.
const folder = "examples/dashboards"

func main() {
	for name, board := range boards() {
		text, err := render(board)
		if err != nil {
			log.Fatalf("dashboards: %s: %v", name, err)
		}
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o644); err != nil {
			log.Fatalf("dashboards: run this from the repository's root: %v", err)
		}
	}
}

// boards are all dashboards by their file's name.
func boards() map[string]any {
	return map[string]any{
		"device.json":         device(),
		"fleet.json":          fleet(),
		"delivery.json":       delivery(),
		"datadog-device.json": datadogDevice(),
	}
}

// render is a dashboard as people read it, and git compares it.
func render(board any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(board); err != nil {
		return nil, fmt.Errorf("write a dashboard: %w", err)
	}
	return b.Bytes(), nil
}
