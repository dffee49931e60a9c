package logline_test

import (
	"bytes"
	"context"
	"log/slog"
	"regexp"
	"testing"
	"time"

	"out_edge/plugin/logline"
)

func TestLineLooksLikeFluentBits(t *testing.T) {
	at := time.Date(2026, 11, 21, 5, 33, 19, 0, time.UTC)
	cases := []struct {
		name string
		log  func(*slog.Logger)
		rec  slog.Record
		want string
	}{
		{name: "info", rec: slog.NewRecord(at, slog.LevelInfo, "listening", 0), want: "[2026/11/21 05:33:19] [ info] [output:edge] listening\n"},
		{name: "warn", rec: slog.NewRecord(at, slog.LevelWarn, "x", 0), want: "[2026/11/21 05:33:19] [ warn] [output:edge] x\n"},
		{name: "error", rec: slog.NewRecord(at, slog.LevelError, "x", 0), want: "[2026/11/21 05:33:19] [error] [output:edge] x\n"},
		{name: "debug", rec: slog.NewRecord(at, slog.LevelDebug, "x", 0), want: "[2026/11/21 05:33:19] [debug] [output:edge] x\n"},
		{name: "no forged line", rec: slog.NewRecord(at, slog.LevelInfo, "a\nb", 0), want: "[2026/11/21 05:33:19] [ info] [output:edge] a\\nb\n"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var buf bytes.Buffer
			if err := logline.New(&buf, slog.LevelDebug).Handle(context.Background(), c.rec); err != nil {
				t.Fatal(err)
			}
			if buf.String() != c.want {
				t.Errorf("got %q, want %q", buf.String(), c.want)
			}
		})
	}
}

func TestAttributes(t *testing.T) {
	var buf bytes.Buffer
	log := slog.New(logline.New(&buf, slog.LevelInfo)).With("tag", "cpu").WithGroup("g")
	log.Info("msg", "n", 3, "s", "two words", "nl", "a\nb", slog.Group("h", "k", "v"))
	log.Debug("not written")
	want := regexp.MustCompile(`^\[[^]]+\] \[ info\] \[output:edge\] msg tag=cpu g\.n=3 g\.s="two words" g\.nl="a\\nb" g\.h\.k=v\n$`)
	if !want.MatchString(buf.String()) {
		t.Errorf("got %q", buf.String())
	}
}

func TestParseLevel(t *testing.T) {
	for _, name := range logline.Levels() {
		if _, ok := logline.ParseLevel(name); !ok {
			t.Errorf("ParseLevel(%q) fails", name)
		}
	}
	if _, ok := logline.ParseLevel("loud"); ok {
		t.Error("ParseLevel(loud) passes")
	}
}
