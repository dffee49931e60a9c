package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"out_edge/build/testkit"
	"out_edge/ddsink"
	"out_edge/exporter"
	"out_edge/timefix"
)

// keyed is an intake that knows one key.
type keyed struct {
	mu       sync.Mutex
	refused  []time.Time
	messages map[string]int
}

func (k *keyed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	k.mu.Lock()
	defer k.mu.Unlock()
	if r.Header.Get("Dd-Api-Key") != "right" {
		k.refused = append(k.refused, time.Now())
		w.WriteHeader(http.StatusForbidden)
		return
	}
	var entries []struct{ Message string }
	if r.URL.Path == "/api/v2/logs" && json.Unmarshal(body, &entries) == nil {
		for _, e := range entries {
			k.messages[e.Message]++
		}
	}
	w.WriteHeader(http.StatusAccepted)
}

// most is how many requests were refused in any 30 s after an instant.
func (k *keyed) most(after time.Time) (most int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for i, from := range k.refused {
		n := 0
		for _, at := range k.refused[i:] {
			if at.Sub(from) < 30*time.Second {
				n++
			}
		}
		if !from.Before(after) {
			most = max(most, n)
		}
	}
	return most
}

// An agent with cpu, mem and a log a second and a wrong key asks at most 15 times in
// any 30 s after the first minute. Once the key file is right, all that has waited is
// there within 60 s.
func TestWrongKeyCostsFewRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keyFile := filepath.Join(t.TempDir(), "key")
		writeKey := func(key string) {
			if err := os.WriteFile(keyFile, []byte(key), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		writeKey("wrong")
		in, listener := &keyed{messages: map[string]int{}}, testkit.NewPipes()
		server := &http.Server{Handler: in}
		var serving sync.WaitGroup
		serving.Go(func() { _ = server.Serve(listener) })
		log := slog.New(slog.DiscardHandler)
		p, err := New(Config{
			Metrics: exporter.Config{Listen: exporter.ListenOff}, Time: timefix.Config{Floor: time.Unix(0, 0), BuildDate: time.Unix(1, 0)},
			Datadog: &ddsink.Config{URL: "http://127.0.0.1:1", MetricsURL: "http://127.0.0.1:1", APIKeyFile: keyFile, DialContext: listener.Dial, Compress: ddsink.CompressOff},
		}, Deps{Exporter: exporter.New(log, bubbleClock{}), Clock: bubbleClock{}, Log: log, Thread: 1})
		if err != nil {
			t.Fatal(err)
		}
		const seconds = 300
		began, open := time.Now(), 0
		var mu sync.Mutex
		for i := range seconds {
			cpu, mem := map[string]any{"cpu_p": 1.5, "user_p": 1.0, "system_p": 0.5}, map[string]any{"Mem.total": 4, "Mem.used": 1, "Mem.free": 3}
			var together []Parked
			for tag, record := range map[string]map[string]any{"cpu": cpu, "mem": mem, "app": {"log": fmt.Sprint("line ", i)}} {
				mu.Lock()
				open++
				mu.Unlock()
				together = append(together, Parked{tag, bubbleRecord(t, record), func(r Result) {
					mu.Lock()
					defer mu.Unlock()
					if open--; r != OK {
						t.Errorf("%s %d: %d", tag, i, r)
					}
				}})
			}
			p.Park(together...)
			time.Sleep(time.Second)
		}
		if n := in.most(began.Add(time.Minute)); n > 15 || n == 0 {
			t.Errorf("%d requests in 30 s", n)
		}
		writeKey("right")
		time.Sleep(60 * time.Second)
		synctest.Wait()
		if n := len(in.messages); n != seconds || open != 0 {
			t.Errorf("%d of %d lines are there, %d chunks wait", n, seconds, open)
		}
		for message, n := range in.messages {
			if n != 1 {
				t.Errorf("%s came %d times", message, n)
			}
		}
		if err := p.Close(context.Background()); err != nil {
			t.Error(err)
		}
		_ = server.Close()
		serving.Wait()
	})
}
