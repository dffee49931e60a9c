module out_edge

go 1.26.0

require (
	github.com/DataDog/datadog-api-client-go/v2 v2.67.0 // sites, authentication and requests of the Datadog intake (api/datadog); its models judge in tests
	github.com/cenkalti/backoff/v5 v5.0.3 // waiting with jitter: the queue, busy ports
	github.com/cespare/xxhash/v2 v2.3.0 // a chunk's identity across retries; client_golang has it already
	github.com/fluent/fluent-bit-go v0.0.0-20230731091245-a7a013e2473c // register, properties and contexts of a Go output
	github.com/grafana/grafana-foundation-sdk/go v0.0.22 // tests only: the schema of Grafana dashboards
	github.com/klauspost/compress v1.20.3 // gzip, zstd and snappy without cgo, faster than the standard library's gzip
	github.com/prometheus/client_golang v1.25.0 // registry, promhttp, OpenMetrics, self series
	github.com/prometheus/client_golang/exp v0.0.0-20260907100614-57bb367da472 // tests only: an independent remote write receiver
	github.com/prometheus/client_model v0.6.3 // the form in which the registry takes series
	github.com/prometheus/common v0.72.0 // expfmt and model, as client_golang speaks them
	github.com/prometheus/exporter-toolkit v0.20.0 // TLS, basic auth and limits in the file format that users know
	github.com/prometheus/otlptranslator v1.0.0 // names of OpenTelemetry metrics and attributes, exactly as Prometheus writes them
	github.com/prometheus/prometheus v0.315.0 // model/relabel: relabelling exactly as users know it
	github.com/valyala/quicktemplate v1.8.0 // the status page: html/template finds methods by name, for which the linker would keep all of them, 2 MB
	github.com/vmihailenco/msgpack/v5 v5.4.1 // encodes in the demo and tests; the oracle in fuzzing
	go.uber.org/goleak v1.3.0 // tests only: no goroutine outlives its owner
	go.yaml.in/yaml/v3 v3.0.5 // config_file, with line numbers for faults
	golang.org/x/net v0.59.0 // tests only: nettest, what every net.Conn must do
	google.golang.org/protobuf v1.36.12 // protowire: remote write's encoding
)

require (
	github.com/DataDog/zstd v1.5.2 // indirect
	github.com/beorn7/perks v1.0.1 // indirect
	github.com/coreos/go-systemd/v22 v22.7.0 // indirect
	github.com/goccy/go-json v0.10.2 // indirect
	github.com/golang-jwt/jwt/v5 v5.3.1 // indirect
	github.com/google/uuid v1.6.0 // indirect
	github.com/grafana/regexp v0.0.0-20250905093917-f7b3be9d1853 // indirect
	github.com/mdlayher/socket v0.6.0 // indirect
	github.com/mdlayher/vsock v1.3.0 // indirect
	github.com/munnerz/goautoneg v0.0.0-20191010083416-a7dc8b61c822 // indirect
	github.com/mwitkow/go-conntrack v0.0.0-20190716064945-2f068394615f // indirect
	github.com/prometheus/procfs v0.22.0 // indirect
	github.com/ugorji/go/codec v1.1.7 // indirect
	github.com/valyala/bytebufferpool v1.0.0 // indirect
	github.com/vmihailenco/tagparser/v2 v2.0.0 // indirect
	go.yaml.in/yaml/v2 v2.4.4 // indirect
	golang.org/x/crypto v0.57.0 // indirect
	golang.org/x/oauth2 v0.37.0 // indirect
	golang.org/x/sync v0.23.0 // indirect
	golang.org/x/sys v0.48.0 // indirect
	golang.org/x/text v0.42.0 // indirect
	golang.org/x/time v0.15.0 // indirect
)

// DataDog/zstd is cgo and would export some 680 ZSTD symbols beside Fluent Bit's
// own; nothing here uses it.
replace github.com/DataDog/zstd => ./ddsink/internal/zstd

// exporter-toolkit pulls in a tracing dialer and fluent-bit-go a decoder, neither
// of which is used: 3 MB of a library for small devices (build/release/trim).
replace github.com/mwitkow/go-conntrack => ./build/release/trim/conntrack

replace github.com/ugorji/go/codec => ./build/release/trim/codec
