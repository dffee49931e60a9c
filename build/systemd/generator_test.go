// Package systemd_test holds the generator of the Debian package to what it may
// touch: the command line that Fluent Bit's own package has set.
package systemd_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const (
	stock = "[Unit]\nRequires=network.target\n[Service]\nType=simple\nEnvironmentFile=-/etc/default/fluent-bit\n" +
		"ExecStart=/opt/fluent-bit/bin/fluent-bit -c /etc/fluent-bit/fluent-bit.conf\nRestart=always\n"
	units   = "usr/lib/systemd/system/"
	library = "usr/lib/fluent-bit/out_edge.so"
)

// generate runs the generator on a root with these files, and gives the drop-in
// that it makes; "" is none.
func generate(t *testing.T, files map[string]string) string {
	t.Helper()
	root, out := t.TempDir(), t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if text == "masked" {
			if err := os.Symlink("/dev/null", path); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("/bin/sh", "out-edge-generator", out, out, out)
	cmd.Env = append(os.Environ(), "DPKG_ROOT="+root)
	if b, err := cmd.CombinedOutput(); err != nil || len(b) > 0 {
		t.Fatalf("the generator ends with %v and says %q", err, b)
	}
	made, err := os.ReadFile(filepath.Join(out, "fluent-bit.service.d/50-out-edge.conf"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return settings(string(made))
}

// settings are the lines that systemd reads.
func settings(text string) string {
	var kept strings.Builder
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) != "" && line[0] != '#' {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

func TestGenerator(t *testing.T) {
	shown, err := os.ReadFile("50-out-edge.conf")
	if err != nil {
		t.Fatal(err)
	}
	loads := settings(string(shown))
	replace := func(old, text string) string { return strings.Replace(stock, old, text, 1) }
	for _, c := range []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"Fluent Bit's unit", map[string]string{units + "fluent-bit.service": stock}, loads},
		{"the same in /lib", map[string]string{"lib/systemd/system/fluent-bit.service": stock}, loads},
		{"another path of Fluent Bit's", map[string]string{units + "fluent-bit.service": replace("-c /etc", "-c //etc")},
			strings.Replace(loads, "-c /etc", "-c //etc", 1)},
		{"a drop-in with another setting", map[string]string{
			units + "fluent-bit.service": stock, "etc/systemd/system/fluent-bit.service.d/10-mine.conf": "[Service]\n#ExecStart=\nMemoryMax=64M\n",
		}, loads},
		{"no unit", nil, ""},
		{"the user's unit", map[string]string{
			units + "fluent-bit.service": stock, "etc/systemd/system/fluent-bit.service": replace("fluent-bit.conf", "mine.yaml"),
		}, ""},
		{"the user's unit alone", map[string]string{"etc/systemd/system/fluent-bit.service": stock}, ""},
		{"masked", map[string]string{units + "fluent-bit.service": stock, "etc/systemd/system/fluent-bit.service": "masked"}, ""},
		{"the user's command line, sorted before", map[string]string{
			units + "fluent-bit.service": stock, "etc/systemd/system/fluent-bit.service.d/10-mine.conf": "[Service]\nExecStart=\nExecStart=/usr/bin/mine\n",
		}, ""},
		{"the user's command line, for every service", map[string]string{
			units + "fluent-bit.service": stock, "etc/systemd/system/service.d/x.conf": "[Service]\nExecStart=\nExecStart=/usr/bin/mine\n",
		}, ""},
		{"loaded already", map[string]string{units + "fluent-bit.service": replace("-c ", "-e /opt/out_edge.so -c ")}, ""},
		{"two commands", map[string]string{units + "fluent-bit.service": replace("Restart", "ExecStart=/bin/true\nRestart")}, ""},
		{"a command over two lines", map[string]string{units + "fluent-bit.service": replace("-c ", "\\\n  -c ")}, ""},
		{"another program", map[string]string{units + "fluent-bit.service": replace("/opt/fluent-bit/bin/fluent-bit", "/bin/sh")}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.files == nil {
				c.files = make(map[string]string)
			}
			c.files[library] = "library"
			if got := generate(t, c.files); got != c.want {
				t.Errorf("made\n%s\nwant\n%s", got, c.want)
			}
		})
	}
	if got := generate(t, map[string]string{units + "fluent-bit.service": stock}); got != "" {
		t.Errorf("without the library, made\n%s", got)
	}
}
