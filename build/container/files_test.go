// Package container_test holds the files for container runtimes to each other:
// one port, one volume, one health check, one name.
package container_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const (
	imageName   = "localhost/out-edge:latest"
	port        = "2021:2021"
	state       = "/var/lib/fluent-bit"
	healthcheck = "/fluent-bit/edge/healthcheck"
)

func read(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestContainerfile(t *testing.T) {
	text := read(t, "Containerfile")
	for _, line := range []string{
		"USER 65532:65532\n", "EXPOSE 2021\n", "VOLUME " + state + "\n", "COPY --chown=65532:65532 state/ " + state + "/\n",
		`CMD ["` + healthcheck + `"]`, "ARG BASE=docker.io/fluent/fluent-bit:",
	} {
		if !strings.Contains(text, line) {
			t.Errorf("Containerfile lacks %q", line)
		}
	}
	// A step that runs something would need an emulator for other platforms.
	if regexp.MustCompile(`(?mi)^\s*RUN\b`).MatchString(text) {
		t.Error("Containerfile runs something")
	}
}

// The base image is named once.
func TestBaseImage(t *testing.T) {
	name := regexp.MustCompile(`fluent/fluent-bit:[0-9][0-9.]*[0-9]`)
	want := name.FindString(read(t, "Containerfile"))
	for _, path := range []string{"image.sh", "../../.github/workflows/release.yml", "../../Makefile"} {
		for _, got := range name.FindAllString(read(t, path), -1) {
			t.Errorf("%s names the base image too: %s beside the Containerfile's %s", path, got, want)
		}
	}
}

// What the image runs by itself runs on everybody's device: nothing in it may say
// where one stands, or send anything.
func TestDefaultConfiguration(t *testing.T) {
	m := regexp.MustCompile(`CMD \["-c", "/fluent-bit/etc/edge/([^"]+)"\]`).FindStringSubmatch(read(t, "Containerfile"))
	if m == nil {
		t.Fatal("Containerfile runs no example")
	}
	for line := range strings.Lines(read(t, "../../examples/"+m[1])) {
		key, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		if slices.Contains([]string{"add_label", "apikey", "dd_hostname", "hostname", "dd_service", "dd_source", "dd_tags", "remote_write_url"}, strings.ToLower(key)) {
			t.Errorf("%s sets %q", m[1], strings.TrimSpace(line))
		}
	}
}

// A container's own name is a random one, and another at each start: every way to run
// it says which device it is on.
func TestEachWaySaysWhichDeviceItIs(t *testing.T) {
	for path, want := range map[string][]string{
		"edge.container":                        {"HostName=%H\n", "Environment=EDGE_HOSTNAME=%H\n"},
		"compose.yaml":                          {"    uts: host\n", "EDGE_HOSTNAME: ${EDGE_HOSTNAME:-}\n"},
		"armadillo.conf":                        {"\nadd_args --uts=host\n"},
		"../../docs/install.md":                 {"\nEDGE_HOSTNAME=$(hostname) podman compose "},
		"../systemd/60-out-edge-hardening.conf": {"\nProtectHostname=yes\nEnvironment=EDGE_HOSTNAME=%H\n"},
	} {
		text := read(t, path)
		for _, line := range want {
			if !strings.Contains(text, line) {
				t.Errorf("%s lacks %q", path, strings.TrimSpace(line))
			}
		}
	}
	runs := 0
	for line := range strings.Lines(read(t, "../../docs/install.md")) {
		if strings.HasPrefix(line, "podman run ") {
			runs++
			if !strings.Contains(line, " --uts host ") {
				t.Errorf("this container does not know its device: %s", line)
			}
		}
	}
	if runs != 2 {
		t.Errorf("%d lines of podman run", runs)
	}
}

// quadletKeys are the words of podman-systemd.unit(5), podman 4.5, that may
// stand in [Container].
func quadletKeys() []string {
	return []string{
		"AddCapability", "AddDevice", "Annotation", "ContainerName", "DropCapability", "Environment", "EnvironmentFile", "EnvironmentHost",
		"Exec", "ExposeHostPort", "Group", "HealthCmd", "HealthInterval", "HealthOnFailure", "HealthRetries", "HealthStartPeriod",
		"HealthStartupCmd", "HealthStartupInterval", "HealthStartupRetries", "HealthStartupSuccess", "HealthStartupTimeout", "HealthTimeout",
		"HostName", "IP", "IP6", "Image", "Label", "LogDriver", "Mount", "Network", "NoNewPrivileges", "Notify", "PodmanArgs", "PublishPort",
		"ReadOnly", "Rootfs", "RunInit", "SeccompProfile", "Secret", "SecurityLabelDisable", "SecurityLabelFileType", "SecurityLabelLevel",
		"SecurityLabelType", "Timezone", "Tmpfs", "User", "UserNS", "VolatileTmp", "Volume",
	}
}

func TestQuadlet(t *testing.T) {
	section, values := "", map[string][]string{}
	for line := range strings.Lines(read(t, "edge.container")) {
		line = strings.TrimSpace(line)
		switch key, value, ok := strings.Cut(line, "="); {
		case line == "" || line[0] == '#':
		case line[0] == '[':
			section = line
		case !ok:
			t.Errorf("%s: %q is no assignment", section, line)
		case section == "[Container]" && !slices.Contains(quadletKeys(), key):
			t.Errorf("podman does not know %s", key)
		default:
			values[key] = append(values[key], value)
		}
	}
	for key, want := range map[string]string{
		"Image": imageName, "PublishPort": port, "Volume": "edge-state:" + state, "HealthCmd": healthcheck, "WantedBy": "multi-user.target",
	} {
		if !slices.Contains(values[key], want) {
			t.Errorf("%s is %q, want %q", key, values[key], want)
		}
	}
}

func TestCompose(t *testing.T) {
	var file struct {
		Services map[string]struct {
			Image         string
			ContainerName string `yaml:"container_name"`
			UTS           string
			Restart       string
			Ports         []string
			Volumes       []string
			Environment   map[string]string
			GroupAdd      []string `yaml:"group_add"`
			ReadOnly      bool     `yaml:"read_only"`
			SecurityOpt   []string `yaml:"security_opt"`
			CapDrop       []string `yaml:"cap_drop"`
			StopGrace     string   `yaml:"stop_grace_period"`
			Healthcheck   struct {
				Test        []string
				Interval    string
				Timeout     string
				StartPeriod string `yaml:"start_period"`
				Retries     int
			}
		}
		Volumes map[string]any
	}
	dec := yaml.NewDecoder(strings.NewReader(read(t, "compose.yaml")))
	dec.KnownFields(true)
	if err := dec.Decode(&file); err != nil {
		t.Fatal(err)
	}
	edge := file.Services["edge"]
	if edge.Image != imageName || !slices.Equal(edge.Ports, []string{port}) || !slices.Contains(edge.Volumes, "edge-state:"+state) {
		t.Errorf("image %q, ports %q, volumes %q", edge.Image, edge.Ports, edge.Volumes)
	}
	if _, ok := file.Volumes["edge-state"]; !ok {
		t.Error("the volume edge-state is not declared")
	}
	if !slices.Equal(edge.Healthcheck.Test, []string{"CMD", healthcheck}) {
		t.Errorf("health check %q", edge.Healthcheck.Test)
	}
}

func TestArmadillo(t *testing.T) {
	conf := read(t, "armadillo.conf")
	for _, line := range []string{"set_image " + imageName + "\n", "add_ports 127.0.0.1:" + port + "\n", ":" + state + "\n"} {
		if !strings.Contains(conf, line) {
			t.Errorf("armadillo.conf lacks %q", line)
		}
	}
	doc := read(t, "../../docs/armadillo.md")
	if !strings.Contains(doc, "```sh\n"+conf+"```\n") {
		t.Error("docs/armadillo.md shows another armadillo.conf: copy build/container/armadillo.conf into it")
	}
}
