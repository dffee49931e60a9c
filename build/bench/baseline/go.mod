// What others' code takes for the same records: a module of its own, because the
// library's module replaces fluent-bit-go's codec, which it does not use, by an empty one.
module out_edge/build/bench/baseline

go 1.26.0

require (
	github.com/DataDog/datadog-api-client-go/v2 v2.67.0
	github.com/fluent/fluent-bit-go v0.0.0-20230731091245-a7a013e2473c
)

require (
	github.com/DataDog/zstd v1.5.2 // indirect
	github.com/goccy/go-json v0.10.2 // indirect
	github.com/google/uuid v1.6.0 // indirect
	github.com/ugorji/go/codec v1.1.7 // indirect
	golang.org/x/oauth2 v0.37.0 // indirect
)

// As in the library's module: its cgo is not needed.
replace github.com/DataDog/zstd => ../../../ddsink/internal/zstd
