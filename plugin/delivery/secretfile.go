package delivery

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"
	"unicode"
)

const (
	// secretCheck is how long a secret from a file is used before the file is checked
	// again.
	secretCheck = 3 * time.Second
	// maxSecretFile is the maximum size of a secret file, in bytes.
	maxSecretFile = 16 << 10
)

// SecretFile holds one secret: a fixed one, or the content of a file, which is read again
// when it changes. It is safe for concurrent use, starts no goroutine, and reads the
// file only when the secret is needed.
type SecretFile struct {
	path    string
	elapsed func() time.Duration
	log     *slog.Logger

	mu      sync.Mutex
	secret  Secret
	checked time.Duration
	read    bool   // the file was read at least once
	fault   string // the last one logged
	warned  bool   // that others can read the file
}

// NewSecretFile holds fixed, or the content of the file at path if path is not empty.
// elapsed is the time since any fixed point, by a clock that never jumps. A missing
// file is no error, since it may appear later. log may be nil.
func NewSecretFile(fixed Secret, path string, elapsed func() time.Duration, log *slog.Logger) *SecretFile {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &SecretFile{path: path, elapsed: elapsed, log: log, secret: fixed}
}

// Get returns the current secret: a changed file is noticed within five seconds. If the
// file is gone, the last secret stays in use; the zero Secret means that there has been
// none so far.
func (k *SecretFile) Get() Secret {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.path != "" {
		now := k.elapsed()
		if since := now - k.checked; !k.read || since < 0 || since >= secretCheck {
			k.checked, k.read = now, true
			k.load()
		}
	}
	return k.secret
}

// Reload reads the file now and reports whether the secret differs from used. Senders
// call it when used was refused.
func (k *SecretFile) Reload(used Secret) (changed bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.path != "" {
		k.checked, k.read = k.elapsed(), true
		k.load()
	}
	return !k.secret.IsZero() && !k.secret.Equal(used)
}

func (k *SecretFile) load() {
	text, mode, err := readSecret(k.path)
	if err != nil {
		k.logFault(err)
		return
	}
	if k.fault != "" {
		k.fault = ""
		k.log.Info("secret file is readable again", "file", k.path)
	}
	if mode.Perm()&0o004 != 0 && !k.warned {
		k.warned = true
		k.log.Warn("secret file can be read by every user of this machine; chmod o-r it", "file", k.path)
	}
	if s := NewSecret(text); !s.Equal(k.secret) {
		if !k.secret.IsZero() {
			k.log.Info("secret file has changed, the new secret is in use", "file", k.path)
		}
		k.secret = s
	}
}

// logFault logs a fault once, until it is over or another one occurs.
func (k *SecretFile) logFault(err error) {
	if k.fault == err.Error() {
		return
	}
	k.fault = err.Error()
	if k.secret.IsZero() {
		k.log.Warn("waiting for a secret file", "file", k.path, "error", err)
		return
	}
	k.log.Warn("keeping the last secret, its file cannot be read", "file", k.path, "error", err)
}

// readSecret returns a file's text without surrounding white space. Its errors never
// contain the file's content.
func readSecret(path string) (string, fs.FileMode, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", 0, fmt.Errorf("open secret file: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", 0, fmt.Errorf("stat secret file: %w", err)
	}
	data, err := io.ReadAll(io.LimitReader(f, maxSecretFile+1))
	if err != nil {
		return "", 0, fmt.Errorf("read secret file: %w", err)
	}
	text := bytes.TrimSpace(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")))
	switch {
	case len(data) > maxSecretFile:
		return "", 0, fmt.Errorf("read secret file: over %d bytes, so it is none", maxSecretFile)
	case len(text) == 0:
		return "", 0, errors.New("read secret file: it is empty")
	case bytes.ContainsFunc(text, unicode.IsControl):
		return "", 0, errors.New("read secret file: it holds more than one line")
	}
	return string(text), info.Mode(), nil
}
