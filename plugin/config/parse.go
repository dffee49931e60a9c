package config

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// mustBe is a parser's error: what the text must be, in the words of the table.
func mustBe(format string, args ...any) error {
	return errors.New("must be " + fmt.Sprintf(format, args...))
}

// boolean reads a switch like Fluent Bit.
func boolean(text string) (bool, error) {
	switch strings.ToLower(text) {
	case "on", "true", "yes":
		return true, nil
	case "off", "false", "no":
		return false, nil
	}
	return false, mustBe("`on` or `off`")
}

// oneOf reads one of names, in any case, and returns its index.
func oneOf(text string, names ...string) (int, error) {
	i := slices.Index(names, strings.ToLower(text))
	if i < 0 {
		return 0, mustBe("one of `%s`", strings.Join(names, "`, `"))
	}
	return i, nil
}

// duration reads Go's form ("10m", "1h30m") or whole seconds, like Fluent Bit, from lo
// to hi.
func duration(text string, lo, hi time.Duration) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if n, e := strconv.ParseInt(text, 10, 32); e == nil {
		d, err = time.Duration(n)*time.Second, nil
	}
	if err != nil || d < lo || d > hi {
		return 0, mustBe("a time between %s and %s, such as `90s` or `10m`", short(lo), short(hi))
	}
	return d, nil
}

// durationOrNever is duration with 0 for never.
func durationOrNever(text string, lo, hi time.Duration) (time.Duration, error) {
	if text == "0" {
		return 0, nil
	}
	d, err := duration(text, lo, hi)
	if err != nil {
		return 0, mustBe("a time between %s and %s, or `0` for never", short(lo), short(hi))
	}
	return d, nil
}

// short prints whole hours, minutes and seconds without the zeros after them.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// unit reads the suffix of a size: Fluent Bit's K, M and G are powers of 1024; 0 is
// none of them.
func unit(letters string) int64 {
	switch strings.ToLower(letters) {
	case "", "b":
		return 1
	case "k", "kb", "kib":
		return 1 << 10
	case "m", "mb", "mib":
		return 1 << 20
	case "g", "gb", "gib":
		return 1 << 30
	}
	return 0
}

// size reads bytes: "8MiB", "8M", "8388608".
func size(text string, lo, hi int64) (int64, error) {
	digits := strings.TrimRight(text, "BKMGTIbkmgti")
	n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64)
	u := unit(text[len(digits):])
	if err != nil || u == 0 || n < 0 || n > math.MaxInt64/u || n*u < lo || n*u > hi {
		return 0, mustBe("between %s and %s", bytesText(lo), bytesText(hi))
	}
	return n * u, nil
}

func bytesText(n int64) string {
	for _, u := range []struct {
		name string
		size int64
	}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if n >= u.size && n%u.size == 0 {
			return strconv.FormatInt(n/u.size, 10) + u.name
		}
	}
	return strconv.FormatInt(n, 10)
}

// integer reads a whole number between lo and hi.
func integer(text string, lo, hi int) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < lo || n > hi {
		return 0, mustBe("a whole number between %d and %d", lo, hi)
	}
	return n, nil
}

// list splits at commas and removes empty parts.
func list(text string) []string {
	var out []string
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}
