package delivery_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"out_edge/plugin/delivery"
)

func TestSecretNeverShows(t *testing.T) {
	const text = "hunter2hunter2"
	s := delivery.NewSecret(text)
	hidden := struct{ secret delivery.Secret }{s}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, verb+" "+verb+" "+verb+"\n", s, &s, hidden)
	}
	for _, v := range []any{s, map[string]delivery.Secret{"k": s}} {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(b)
	}
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "secret", s, "hidden", hidden)
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "secret", s)
	for _, form := range []string{text, fmt.Sprintf("%x", text)} {
		if strings.Contains(out.String(), form) {
			t.Errorf("it shows:\n%s", out.String())
		}
	}
	if n := strings.Count(out.String(), "[redacted]"); n < 15 {
		t.Errorf("[redacted] %d times:\n%s", n, out.String())
	}
	if s.Reveal() != text || s.IsZero() || !s.Equal(delivery.NewSecret(text)) || s.Equal(delivery.NewSecret("x")) {
		t.Error("the secret itself is wrong")
	}
	if z := delivery.NewSecret(""); !z.IsZero() || z.String() != "" || z.Reveal() != "" {
		t.Error("no secret is shown as one")
	}
}

// ring is a keyring over a file that the test writes.
type ring struct {
	*delivery.SecretFile
	ticks
	file string
	log  bytes.Buffer
}

func newRing(t *testing.T) *ring {
	r := &ring{file: filepath.Join(t.TempDir(), "key")}
	r.SecretFile = delivery.NewSecretFile(delivery.Secret{}, r.file, r.elapsed, slog.New(slog.NewTextHandler(&r.log, nil)))
	return r
}

func (r *ring) write(t *testing.T, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(r.file, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(r.file, mode); err != nil {
		t.Fatal(err)
	}
}

func (r *ring) want(t *testing.T, text string) {
	t.Helper()
	if got := r.Get().Reveal(); got != text {
		t.Errorf("got %q, want %q", got, text)
	}
}

func TestSecretFile(t *testing.T) {
	r := newRing(t)
	r.want(t, "")
	r.write(t, " one\n", 0o600)
	r.want(t, "") // looked at a moment ago
	r.advance(5 * time.Second)
	r.want(t, "one")
	r.write(t, "two\r\n", 0o600)
	r.advance(time.Second)
	r.want(t, "one")
	r.advance(4 * time.Second)
	r.want(t, "two")
	for _, bad := range []string{"", "  \n", "a\nb", strings.Repeat("x", 20_000)} {
		r.write(t, bad, 0o600)
		r.advance(5 * time.Second)
		r.want(t, "two")
	}
	if err := os.Remove(r.file); err != nil {
		t.Fatal(err)
	}
	r.advance(5 * time.Second)
	r.want(t, "two")
	r.write(t, "\ufeffthree", 0o644)
	r.advance(5 * time.Second)
	r.want(t, "three")
	log := r.log.String()
	for _, part := range []string{
		"waiting for a secret file", "is readable again", "has changed", "keeping the last secret", "it is empty",
		"more than one line", "over 16384 bytes", "can be read by every user",
	} {
		if !strings.Contains(log, part) {
			t.Errorf("log has no %q:\n%s", part, log)
		}
	}
	for _, secret := range []string{"=one", "=two", "three", "xxx"} {
		if strings.Contains(log, secret) {
			t.Errorf("log shows %q:\n%s", secret, log)
		}
	}
}

func TestSecretFileSameFaultOnce(t *testing.T) {
	r := newRing(t)
	for range 5 {
		r.want(t, "")
		r.advance(5 * time.Second)
	}
	if n := strings.Count(r.log.String(), "\n"); n != 1 {
		t.Errorf("%d lines:\n%s", n, r.log.String())
	}
}

func TestSecretFileReload(t *testing.T) {
	r := newRing(t)
	r.write(t, "one", 0o600)
	r.want(t, "one")
	if r.Reload(delivery.NewSecret("one")) {
		t.Error("the same secret counts as changed")
	}
	r.write(t, "two", 0o600)
	if !r.Reload(delivery.NewSecret("one")) { // at once, however recent the last look
		t.Error("the change was missed")
	}
	r.want(t, "two")
	fixed := delivery.NewSecretFile(delivery.NewSecret("f"), "", r.elapsed, nil)
	if fixed.Reload(delivery.NewSecret("f")) || fixed.Get().Reveal() != "f" {
		t.Error("a fixed secret has changed")
	}
}
