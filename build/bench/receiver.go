package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// receiverArg makes the program the receiver.
const receiverArg = "receive"

const (
	// A slow receiver takes slowPiece bytes each slowPause: 2 MB/s on each connection.
	slowPiece = 4 << 10
	slowPause = 2 * time.Millisecond
)

// received is what has arrived since the last question.
type received struct {
	Requests int `json:"requests"`
	// Bytes are those of the bodies as sent.
	Bytes int `json:"bytes"`
	// Records are log records: those that a body has a timestamp of.
	Records int `json:"records"`
}

// reader takes every request, and keeps the bodies until it is asked.
type reader struct {
	mu     sync.Mutex
	bodies []body
}

type body struct {
	encoding string
	data     []byte
}

// ServeHTTP reads a body. GET /received answers what has arrived.
func (s *reader) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		_ = json.NewEncoder(w).Encode(s.take())
		return
	}
	s.read(w, r, r.Body)
}

// slowly reads as a receiver behind a thin line does.
func (s *reader) slowly(w http.ResponseWriter, r *http.Request) { s.read(w, r, &slowReader{r.Body}) }

func (s *reader) read(w http.ResponseWriter, r *http.Request, from io.Reader) {
	data, err := io.ReadAll(from)
	if err != nil {
		return
	}
	s.mu.Lock()
	s.bodies = append(s.bodies, body{r.Header.Get("Content-Encoding"), data})
	s.mu.Unlock()
	if strings.HasSuffix(r.URL.Path, "/write") {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusAccepted)
	_, _ = io.WriteString(w, "{}")
}

// take counts what has arrived, once all senders are done.
func (s *reader) take() (sum received) {
	s.mu.Lock()
	bodies := s.bodies
	s.bodies = nil
	s.mu.Unlock()
	for _, b := range bodies {
		sum.Requests++
		sum.Bytes += len(b.data)
		sum.Records += bytes.Count(b.plain(), []byte(`"timestamp":`))
	}
	return sum
}

func (b body) plain() []byte {
	switch b.encoding {
	case "gzip":
		if r, err := gzip.NewReader(bytes.NewReader(b.data)); err == nil {
			plain, _ := io.ReadAll(r)
			return plain
		}
	case "zstd":
		if r, err := zstd.NewReader(nil); err == nil {
			defer r.Close()
			plain, _ := r.DecodeAll(b.data, nil)
			return plain
		}
	}
	return b.data
}

type slowReader struct{ r io.Reader }

func (s *slowReader) Read(p []byte) (int, error) {
	time.Sleep(slowPause)
	return s.r.Read(p[:min(len(p), slowPiece)])
}

// serveReceiver prints its address and that at which it is slow, and serves until
// standard input ends.
func serveReceiver() error {
	fast, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	slow, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(fast.Addr(), slow.Addr())
	r := &reader{}
	go func() { _ = http.Serve(fast, r) }()
	go func() { _ = http.Serve(smallBuffers{slow}, http.HandlerFunc(r.slowly)) }()
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

// smallBuffers gives connections a small receive buffer, so that a slow reader is one.
type smallBuffers struct{ net.Listener }

func (l smallBuffers) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if t, ok := c.(*net.TCPConn); ok {
		_ = t.SetReadBuffer(16 << 10)
	}
	return c, err
}

// receiver is this program in another process.
type receiver struct {
	cmd  *exec.Cmd
	stop io.Closer
	// addr and slow are host:port.
	addr, slow string
}

func startReceiver() (*receiver, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, receiverArg)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("start the receiver: %w", err)
	}
	fast, slow, _ := strings.Cut(strings.TrimSpace(line), " ")
	return &receiver{cmd, in, fast, slow}, nil
}

func (r *receiver) close() {
	_ = r.stop.Close()
	_ = r.cmd.Wait()
}

// received asks for what has arrived since the last question.
func (r *receiver) received() (sum received, err error) {
	resp, err := http.Get("http://" + r.addr + "/received")
	if err != nil {
		return sum, err
	}
	defer resp.Body.Close()
	return sum, json.NewDecoder(resp.Body).Decode(&sum)
}
