package receivers

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"

	"out_edge/build/testkit"
)

// Mimir is one process of a Grafana Mimir: all its parts in one, as a member of a ring.
// Queries to any one see what all have.
type Mimir struct{ Prometheus }

// Tenant is whose samples a Mimir is asked for, and for whom they must be sent.
const Tenant = "fleet"

// MimirOnPath returns the path of a mimir on PATH. It is not among Programs: `go
// install` refuses a module that replaces others, and it takes half an hour to compile.
func MimirOnPath() (string, bool) {
	path, err := exec.LookPath("mimir")
	return path, err == nil
}

// StartMimir runs n of them in folders below dir. Each series is at three of them, or at
// n where that is less; an hour's samples may come in any order.
func StartMimir(ctx context.Context, dir, program string, n int) ([]*Mimir, error) {
	ports := make([]string, 3*n)
	for i := range ports {
		addr, err := testkit.FreeAddress()
		if err == nil {
			_, ports[i], err = net.SplitHostPort(addr)
		}
		if err != nil {
			return nil, err
		}
	}
	nodes, errs := make([]*Mimir, n), make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			home := filepath.Join(dir, fmt.Sprint("mimir-", i))
			line := append([]string{program}, mimirFlags(home, i, n, ports)...)
			if errs[i] = os.MkdirAll(home, 0o700); errs[i] != nil {
				return
			}
			var p *Process
			if p, errs[i] = launch(ctx, "http://127.0.0.1:"+ports[i], "/ready", line); errs[i] == nil {
				p.header = http.Header{"X-Scope-Orgid": {Tenant}}
				nodes[i] = &Mimir{Prometheus{p, "/prometheus"}}
			}
		})
	}
	wg.Wait()
	return nodes, errors.Join(errs...)
}

// mimirFlags are those of the process i of n. Of its ports the first n are for HTTP, the
// next for gRPC, the last for gossip.
func mimirFlags(home string, i, n int, ports []string) []string {
	const host = "127.0.0.1"
	grpc, gossip := ports[n+i], ports[2*n+i]
	flags := []string{
		"-target=all", "-auth.multitenancy-enabled=true", "-usage-stats.enabled=false", "-log.level=warn",
		"-server.http-listen-address=" + host, "-server.http-listen-port=" + ports[i],
		"-server.grpc-listen-address=" + host, "-server.grpc-listen-port=" + grpc,
		"-memberlist.nodename=" + fmt.Sprint("mimir-", i), "-memberlist.bind-addr=" + host, "-memberlist.bind-port=" + gossip,
		"-memberlist.advertise-addr=" + host, "-memberlist.advertise-port=" + gossip,
		"-common.storage.backend=filesystem", "-common.storage.filesystem.dir=" + filepath.Join(home, "common"),
		"-blocks-storage.filesystem.dir=" + filepath.Join(home, "..", "blocks"), "-blocks-storage.tsdb.dir=" + filepath.Join(home, "tsdb"),
		"-blocks-storage.bucket-store.sync-dir=" + filepath.Join(home, "sync"), "-compactor.data-dir=" + filepath.Join(home, "compactor"),
		"-ruler.rule-path=" + filepath.Join(home, "rules"), "-ruler-storage.filesystem.dir=" + filepath.Join(home, "..", "rules"),
		"-activity-tracker.filepath=" + filepath.Join(home, "activity"),
		"-ingester.ring.replication-factor=" + strconv.Itoa(min(n, 3)), "-ingester.out-of-order-time-window=1h",
		"-query-frontend.instance-addr=" + host,
	}
	for _, ring := range []string{"ingester.ring", "distributor.ring", "compactor.ring", "store-gateway.sharding-ring", "ruler.ring", "querier.ring", "query-scheduler.ring"} {
		flags = append(flags, "-"+ring+".instance-addr="+host, "-"+ring+".instance-id="+fmt.Sprint("mimir-", i))
	}
	for _, other := range ports[2*n:] {
		flags = append(flags, "-memberlist.join="+net.JoinHostPort(host, other))
	}
	return flags
}

// WriteURL is for remote_write_url.
func (m *Mimir) WriteURL() string { return m.URL + "/api/v1/push" }
