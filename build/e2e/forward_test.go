package e2e_test

import (
	"bytes"
	"fmt"
	"net"
	"time"

	"github.com/vmihailenco/msgpack/v5"
)

// forwarder speaks Fluent Bit's forward protocol, as `forward` with require_ack_response
// and an upstream of several nodes does: it goes on to the next node where one does not
// acknowledge, and sends the same again.
type forwarder struct {
	nodes   []string
	node    int
	conn    net.Conn
	answers *msgpack.Decoder
	sent    int
}

// forwardPatience is how long an acknowledgement is waited for.
const forwardPatience = 10 * time.Second

// send sends one record, and returns when a node has acknowledged it. It gives up at a
// moment; err is the last node's.
func (f *forwarder) send(tag string, unixMilli int64, record map[string]any, until time.Time) (err error) {
	f.sent++
	id := fmt.Sprintf("%p-%d", f, f.sent)
	message, err := forwardMessage(tag, id, unixMilli, record)
	if err != nil {
		return err
	}
	pause := time.NewTicker(200 * time.Millisecond)
	defer pause.Stop()
	for tries := 1; time.Now().Before(until); tries++ {
		if err = f.offer(message, id); err == nil {
			return nil
		}
		f.close()
		f.node = (f.node + 1) % len(f.nodes)
		if tries%len(f.nodes) == 0 {
			<-pause.C
		}
	}
	return fmt.Errorf("no node acknowledges: %w", err)
}

func (f *forwarder) offer(message []byte, id string) error {
	if f.conn == nil {
		conn, err := net.DialTimeout("tcp", f.nodes[f.node], forwardPatience)
		if err != nil {
			return err
		}
		f.conn, f.answers = conn, msgpack.NewDecoder(conn)
	}
	if err := f.conn.SetDeadline(time.Now().Add(forwardPatience)); err != nil {
		return err
	}
	if _, err := f.conn.Write(message); err != nil {
		return err
	}
	var answer struct {
		Ack string `msgpack:"ack"`
	}
	if err := f.answers.Decode(&answer); err != nil {
		return err
	}
	if answer.Ack != id {
		return fmt.Errorf("acknowledged %q, not %q", answer.Ack, id)
	}
	return nil
}

func (f *forwarder) close() {
	if f.conn != nil {
		f.conn.Close()
		f.conn = nil
	}
}

// forwardMessage is [tag, [[time, record]], {"chunk": id}].
func forwardMessage(tag, id string, unixMilli int64, record map[string]any) ([]byte, error) {
	var b bytes.Buffer
	enc := msgpack.NewEncoder(&b)
	b.WriteByte(0x93)
	if err := enc.EncodeString(tag); err != nil {
		return nil, err
	}
	sec, nsec := uint32(unixMilli/1e3), uint32(unixMilli%1e3*1e6)
	b.Write([]byte{0x91, 0x92, 0xd7, 0x00, byte(sec >> 24), byte(sec >> 16), byte(sec >> 8), byte(sec),
		byte(nsec >> 24), byte(nsec >> 16), byte(nsec >> 8), byte(nsec)})
	if err := enc.Encode(record); err != nil {
		return nil, err
	}
	err := enc.Encode(map[string]any{"chunk": id})
	return b.Bytes(), err
}
