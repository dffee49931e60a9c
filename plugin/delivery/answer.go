package delivery

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
)

// MaxAnswer is the most that is read of an answer's body, in bytes.
const MaxAnswer = 64 << 10

// ReadAnswer reads an answer's body to its end, or to MaxAnswer, into dst's capacity,
// and closes it; a body read to its end lets the connection be reused. An error means
// that the answer is incomplete: do not trust any of it, its status included. A body
// over MaxAnswer is not an error, but its connection is not reused.
func ReadAnswer(dst []byte, resp *http.Response) (body []byte, err error) {
	defer resp.Body.Close()
	dst = dst[:0]
	for len(dst) <= MaxAnswer {
		if len(dst) == cap(dst) {
			dst = append(dst, 0)[:len(dst)]
		}
		n, err := resp.Body.Read(dst[len(dst):cap(dst)])
		dst = dst[:len(dst)+n]
		if err == io.EOF {
			return dst, nil
		}
		if err != nil {
			return dst, err
		}
	}
	return dst[:MaxAnswer], nil
}

// Cause returns an error of an HTTP client without the address that net/http adds, and
// without anything that a receiver sent: a text that could quote either is replaced by
// the kind of error.
func Cause(err error) error {
	var (
		address *url.Error
		op      *net.OpError
		proxy   *ProxyError
		file    *FileError
	)
	if errors.As(err, &address) {
		err = address.Err
	}
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF),
		errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded),
		errors.As(err, &op), errors.As(err, &proxy), errors.As(err, &file), isCertificateError(err):
		return err
	case CodeOf(err) == CodeTimeout:
		return errors.New("no answer in time")
	default:
		return errors.New("no valid HTTP answer")
	}
}
