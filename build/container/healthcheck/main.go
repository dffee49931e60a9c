// Command healthcheck asks out_edge for its health and ends with 0 if it
// answers. It is for container images without a shell: HEALTHCHECK needs a
// program, and the official Fluent Bit image has none that could ask.
//
//	healthcheck [URL]
//
// The URL comes from the command line, else from $EDGE_HEALTH_URL, else it is
// http://127.0.0.1:2021/healthz. /readyz tells more: whether the clock is
// believable and the receivers accept; a container that is restarted for that
// would lose what it holds in memory and gain nothing.
package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

// Default is where out_edge serves when nothing is configured.
const Default = "http://127.0.0.1:2021/healthz"

// timeout is shorter than the image's HEALTHCHECK --timeout, so that the reason
// is written before the program is killed.
const timeout = 3 * time.Second

func main() {
	if err := check(context.Background(), address(os.Args[1:], os.Getenv)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1) // 2 is reserved by Docker
	}
}

func address(args []string, env func(string) string) string {
	if len(args) > 0 {
		return args[0]
	}
	if url := env("EDGE_HEALTH_URL"); url != "" {
		return url
	}
	return Default
}

// check asks url. 401 is an answer too: with `web_config_file` the pages want a
// password, which a health check does not need to know.
func check(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("check health: %w", err)
	}
	client := &http.Client{Transport: &http.Transport{
		// The certificate is for the name that others use, and this asks by the
		// loopback address; nothing secret is sent or believed.
		TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // see above
		DisableKeepAlives: true,
	}}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("check health: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusOK || resp.StatusCode == http.StatusUnauthorized {
		return nil
	}
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 512))
	return fmt.Errorf("check health: %s: %s", resp.Status, strings.TrimSpace(string(body)))
}
