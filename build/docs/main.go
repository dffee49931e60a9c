// Command docs writes the generated tables of the documentation anew from the code
// that they list: the text between <!-- begin NAME --> and <!-- end NAME -->. Run it
// by `make docs`; a test fails when a file is behind.
package main

import (
	"bytes"
	"fmt"
	"log"
	"os"
)

func main() {
	for file, tables := range Tables() {
		old, err := os.ReadFile(file)
		if err != nil {
			log.Fatalf("docs: run this from the repository's root: %v", err)
		}
		text, err := Fill(old, tables)
		if err != nil {
			log.Fatalf("docs: %s: %v", file, err)
		}
		if err := os.WriteFile(file, text, 0o644); err != nil {
			log.Fatalf("docs: %v", err)
		}
	}
}

// Fill gives text with what stands between each table's marks replaced. A
// missing mark is an error: a table that nobody shows is forgotten soon.
func Fill(text []byte, tables map[string]string) ([]byte, error) {
	for name, table := range tables {
		begin, end := []byte("<!-- begin "+name+" -->\n"), []byte("<!-- end "+name+" -->")
		i := bytes.Index(text, begin)
		j := bytes.Index(text, end)
		if i < 0 || j < i {
			return nil, fmt.Errorf("the marks %q and %q are missing or in the wrong order", begin, end)
		}
		head := text[:i+len(begin)]
		text = append(append(append([]byte(nil), head...), table...), text[j:]...)
	}
	return text, nil
}
