package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// step is one of a workflow's job.
type step struct {
	Name, ID, Uses, Run string
	With                map[string]any
}

// job is one of a workflow.
type job struct {
	Needs       string
	Permissions map[string]string
	Outputs     map[string]string
	Steps       []step
}

// jobs reads the release's workflow.
func jobs(t *testing.T) map[string]job {
	t.Helper()
	data, err := os.ReadFile("../../.github/workflows/release.yml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct{ Jobs map[string]job }
	if err := yaml.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	return file.Jobs
}

// named gives the step of a name.
func (j job) named(t *testing.T, name string) step {
	t.Helper()
	for _, s := range j.Steps {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("no step %q", name)
	return step{}
}

// runStep runs a step's script with a shell as GitHub's, in a folder with one
// artefact, and gives the step's outputs and what its programs, all stand-ins,
// were told.
func runStep(t *testing.T, s step, tools []string, env ...string) (output, told string) {
	t.Helper()
	dir, bin := t.TempDir(), t.TempDir()
	log := filepath.Join(bin, "log")
	files := map[string]string{filepath.Join(dir, "SHA256SUMS"): ""}
	for _, tool := range tools {
		files[filepath.Join(bin, tool)] = "#!/bin/sh\necho \"${0##*/} $*\" >>'" + log + "'\n" +
			"while [ $# -gt 1 ]; do [ \"$1\" != --digestfile ] || printf sha256:abc >\"$2\"; shift; done\n"
	}
	for path, text := range files {
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("sh", "-e", "-c", s.Run)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), append(env, "PATH="+bin+":"+os.Getenv("PATH"), "GITHUB_OUTPUT="+filepath.Join(bin, "output"))...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", s.Name, err, out)
	}
	data, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	outputs, err := os.ReadFile(filepath.Join(bin, "output"))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return string(outputs), string(data)
}

// A tag with a hyphen is a pre-release, and never the latest.
func TestPublishedRelease(t *testing.T) {
	publish := jobs(t)["publish"].named(t, "Publish the release")
	for tag, flags := range map[string]string{"v1.0.0": "", "v1.0.0-rc1": "--prerelease --latest=false "} {
		_, told := runStep(t, publish, []string{"gh"}, "TAG="+tag, "GITHUB_REPOSITORY=me/out_edge")
		if want := "gh release create " + tag + " --repo me/out_edge --verify-tag --generate-notes " + flags + "SHA256SUMS\n"; told != want {
			t.Errorf("%s is published by\n%swant\n%s", tag, told, want)
		}
	}
}

// The image that is pushed is attested, by what it holds and where it lies.
func TestPublishedImage(t *testing.T) {
	all := jobs(t)
	build, publish := all["build"], all["publish"]
	push := build.named(t, "Publish the image")
	output, told := runStep(t, push, []string{"buildah"}, "OWNER=Me", "TAG=v1.0.0", "TOKEN=t", "USER=u")
	if want := "docker://ghcr.io/me/out-edge:v1.0.0\n"; !strings.HasSuffix(told, want) {
		t.Errorf("the image is pushed by\n%swant it at\n%s", told, want)
	}
	if want := "name=ghcr.io/me/out-edge\ndigest=sha256:abc\n"; output != want {
		t.Errorf("the step tells\n%swant\n%s", output, want)
	}
	if build.Outputs["image"] != "${{ steps."+push.ID+".outputs.name }}" || build.Outputs["digest"] != "${{ steps."+push.ID+".outputs.digest }}" {
		t.Errorf("the job tells %v", build.Outputs)
	}
	if publish.Needs != "build" || publish.Permissions["packages"] != "write" || publish.Permissions["attestations"] != "write" || publish.Permissions["id-token"] != "write" {
		t.Errorf("publish needs %q and may %v", publish.Needs, publish.Permissions)
	}
	for _, s := range publish.Steps {
		if strings.HasPrefix(s.Uses, "actions/attest-build-provenance@") && s.With["subject-digest"] == "${{ needs.build.outputs.digest }}" &&
			s.With["subject-name"] == "${{ needs.build.outputs.image }}" && s.With["push-to-registry"] == true {
			return
		}
	}
	t.Error("nothing attests the image")
}
