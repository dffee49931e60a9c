# out_edge: every step of CI is a target here. `make demo` shows it at work,
# `make test` proves it.

GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS  = -s -w -X main.version=$(VERSION)
TOOL     = $(GO) tool -modfile=build/tools/go.mod
# Packages without cgo: they are tested on 32-bit targets too.
PURE     = ./timefix/... ./plugin/record/... ./plugin/delivery/... ./plugin/logline/... \
           ./plugin/config/... ./plugin/pipeline/... ./exporter/... ./ddsink/...
# The official Datadog models, which the test intake parses with, take 7 GB to
# compile unless the collector is told to hurry.
export GOGC ?= 50

.DEFAULT_GOAL := build
.PHONY: build demo test test-unit test-race test-386 test-arm lint bench fuzz dist image deps deps-build docs clean

## build: ./out_edge.so for this machine
build: deps-build
	CGO_ENABLED=1 $(GO) build -trimpath -buildmode=c-shared -ldflags '$(LDFLAGS)' -o out_edge.so ./plugin
	@rm -f out_edge.h

## demo: build, run, and watch records arrive (Ctrl-C ends it; DEMO_SECONDS=20 too)
demo: build
	@$(GO) run ./build/demo -seconds "$(or $(DEMO_SECONDS),0)"

## test: everything that .ci/run holds the tree to
test: deps test-unit test-race test-386 test-arm

test-unit:
	$(GO) vet ./...
	$(GO) test ./...

test-race:
	$(GO) test -race $(PURE)

test-386:
	GOARCH=386 CGO_ENABLED=0 $(GO) test $(PURE)

# The unit tests of the pure packages under qemu; goroutine-heavy benchmarks of
# wall time mean nothing there, so only tests run.
test-arm:
	GOARCH=arm GOARM=7 CGO_ENABLED=0 $(GO) test -exec qemu-arm-static $(PURE)

## lint: gofmt, vet, golangci-lint
lint:
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); exit 1; }
	$(TOOL) golangci-lint run ./...

## bench: ns, bytes and allocations a record
bench:
	$(GO) test -run '^$$' -bench . -benchmem $(PURE)

## fuzz: each fuzz target for FUZZTIME
FUZZTIME ?= 60s
fuzz:
	@build/fuzz.sh $(FUZZTIME)

## docs: write the README's generated tables anew
docs:
	$(GO) run ./build/docs

## deps: install with apt what a fresh Debian lacks
deps:
	@build/deps.sh test

deps-build:
	@build/deps.sh build

clean:
	rm -rf out_edge.so out_edge.h dist bin
