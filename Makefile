# out_edge: every step of CI is a target here. `make demo` shows it at work,
# `make test` proves it.

GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
# Time of every file in every artefact, and what no device clock may be before:
# the commit's.
SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 0)
# Who answers for the packages: the commit's author.
MAINTAINER ?= $(shell git log -1 --format='%an <%ae>' 2>/dev/null)
LDFLAGS  = -s -w -X main.version=$(VERSION) -X main.commitTime=$(SOURCE_DATE_EPOCH)
TOOL     = $(GO) tool -modfile=build/tools/go.mod
# Packages without cgo: they are tested on 32-bit targets too.
PURE     = ./timefix/... ./plugin/wire/... ./plugin/chunk/... ./plugin/cmetrics/... ./plugin/metric/... ./plugin/delivery/... ./plugin/logline/... ./plugin/footprint/... \
           ./plugin/config/... ./plugin/check/... ./plugin/pipeline/... ./exporter/... ./ddsink/...
TEMPLATE = exporter/statuspage/status.qtpl
# The official Datadog models, which the test intake parses with, take 7 GB to
# compile unless the collector is told to hurry.
export GOGC ?= 50
# The libraries are built with -trimpath. With it everywhere, tests and lint use
# what was compiled for them, and no checkout compiles the models again because it
# lies in another folder.
export GOFLAGS := -trimpath $(filter-out -trimpath,$(GOFLAGS))

.DEFAULT_GOAL := build
.PHONY: $(shell sed -n 's/^\([a-z][a-z0-9-]*\):\( .*\)\{0,1\}$$/\1/p' $(firstword $(MAKEFILE_LIST)))

## help: these targets
help:
	@sed -n 's/^## \(\([a-z-]*\): \)\{0,1\}\(.*\)/\2\t\3/p' $(firstword $(MAKEFILE_LIST)) | awk -F'\t' '{ printf "  %-12s %s\n", $$1, $$2 }'

## build: ./out_edge.so for this machine
build: deps-build
	CGO_ENABLED=1 $(GO) build -trimpath -buildmode=c-shared -ldflags '$(LDFLAGS)' -o out_edge.so ./plugin
	@rm -f out_edge.h

## demo: build, run, and watch records arrive (Ctrl-C ends it; DEMO_SECONDS=20 too)
demo: build
	@$(GO) run ./build/demo -seconds "$(or $(DEMO_SECONDS),0)"

# Where there is no C compiler, only the packages that need none.
CHECKED = $(if $(shell command -v $(or $(CC),gcc)),./...,$(PURE) ./build/testkit)

## check: format, vet, lint and the unit tests of the packages without cgo:
## needs no root and installs nothing
check: format lint-go
	$(GO) vet $(CHECKED)
	$(GO) test $(PURE)

## test: everything that .ci/run holds the tree to
test: deps test-unit test-race test-386 test-arm

# What runs the library on ARM is test-arm's. The packages without cgo run with the
# race detector and on three 32- and 64-bit targets: once more here would show no
# more, but for budgets of allocations that the detector disturbs.
OTHERS = $(filter-out $(shell $(GO) list $(PURE)),$(shell $(GO) list ./...)) ./exporter/rules
test-unit:
	$(GO) test -timeout 30m -skip '^TestARM' $(OTHERS)

test-race:
	$(GO) test -race $(PURE)

# A kernel without 32-bit x86 emulation cannot run these, nor can qemu-user run Go's:
# there they are compiled and vetted alone, and ARMv7's stand for 32 bits.
test-386:
	@dir=$$(mktemp -d); echo 'package main; func main() {}' >$$dir/main.go; \
	if GOARCH=386 CGO_ENABLED=0 $(GO) run $$dir/main.go 2>/dev/null; then \
		GOARCH=386 CGO_ENABLED=0 $(GO) test $(PURE); \
	else \
		echo 'this kernel runs no 32-bit x86 programs: the tests are vetted for 386, and run for ARMv7'; \
		GOARCH=386 CGO_ENABLED=0 $(GO) vet $(PURE); \
	fi; status=$$?; rm -r $$dir; exit $$status

# Under qemu: the unit tests of the pure packages, and the library in the C host
# with all captured payloads. Goroutine-heavy benchmarks of wall time mean nothing
# there, so only tests run.
test-arm:
	GOARCH=arm GOARM=7 CGO_ENABLED=0 $(GO) test -exec qemu-arm-static $(PURE)
	GOARCH=arm64 CGO_ENABLED=0 $(GO) test -exec qemu-aarch64-static $(PURE)
	$(GO) test -timeout 30m -run '^TestARM' ./build/e2e

## lint: gofmt, golangci-lint (with vet), and the template's Go
lint: format lint-go
	@dir=$$(mktemp -d); cp $(TEMPLATE) $$dir/t.qtpl; \
		$(TOOL) qtc -skipLineComments -file $$dir/t.qtpl 2>$$dir/log || cat $$dir/log >&2; \
		sed 's/"t.qtpl"/"$(notdir $(TEMPLATE))"/' $$dir/t.qtpl.go | cmp - $(TEMPLATE).go; same=$$?; rm -r $$dir; \
		test $$same = 0 || { echo '$(TEMPLATE).go is not that of $(TEMPLATE): run make generate' >&2; exit 1; }

format:
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -l $$(git ls-files '*.go'); exit 1; }

lint-go:
	$(TOOL) golangci-lint run --allow-parallel-runners $(CHECKED)

## vuln: known vulnerabilities in what the library links (asks the database of the Go project)
vuln:
	$(TOOL) govulncheck ./plugin

## bench: ns, bytes and allocations a record
bench:
	$(GO) test -run '^$$' -bench . -benchmem $(PURE)

## fuzz: each fuzz target for FUZZTIME
FUZZTIME ?= 60s
fuzz:
	@build/fuzz.sh $(FUZZTIME)

# Through the environment: a name may hold quotes.
dist dist-check image: export MAINTAINER := $(MAINTAINER)
RELEASE = $(GO) run ./build/release
DIST   ?= dist
# Build tags of the libraries, with commas.
TAGS   ?=

## dist: libraries, archives, packages and checksums of all platforms, in ./dist
dist: deps-dist
	$(RELEASE) dist -version '$(VERSION)' -epoch '$(SOURCE_DATE_EPOCH)' -tags '$(TAGS)' -dist '$(DIST)'
	$(RELEASE) check $(DIST)/*.so

## dist-check: dist, then everything that is promised of it: ELF, packages, image,
## install paragraphs, each library in the host of its own architecture, twice the same bytes
dist-check: deps-check dist
	@for dir in build/release/trim/*/; do (cd $$dir && $(GO) test ./...) || exit 1; done
	DIST='$(abspath $(DIST))' TAGS='$(TAGS)' $(GO) test -tags dist -count=1 -timeout 10m ./build/release/disttest

## image: the container images of all platforms, in ./dist (BASE, BUILDER and TAG are passed on)
image: deps-image dist
	SOURCE_DATE_EPOCH='$(SOURCE_DATE_EPOCH)' build/container/image.sh '$(VERSION)' '$(DIST)'

## sizes: what costs what in a library
sizes: deps-dist
	$(RELEASE) sizes -version '$(VERSION)' -tags '$(TAGS)' -targets armv7

deps-dist:
	@build/deps.sh dist

deps-image:
	@build/deps.sh image

deps-check:
	@build/deps.sh check

## capture: bin/capture.so, an output that writes down what Fluent Bit hands to outputs
## (see CONTRIBUTING.md)
capture: deps-build
	$(GO) build -buildmode=c-shared -o bin/capture.so ./build/host/testdata/plugin
	@rm -f bin/capture.h

## generate: make Go of the status page's template
generate:
	cd $(dir $(TEMPLATE)) && $(GO) tool -modfile=$(CURDIR)/build/tools/go.mod qtc -skipLineComments -file $(notdir $(TEMPLATE))

## docs: write the README's generated tables anew
docs:
	$(GO) run ./build/docs

# Found, not listed: whatever compares with a golden file. What runs on ARM
# compares with files that were written here.
GOLDEN = $(shell git grep -lE 'testkit\.(Golden|GoldenFile|Update)\(' -- '*_test.go' | xargs -n1 dirname | sort -u)

## golden: write every golden file and generated table anew; look at the difference
## with git before you commit it
golden: docs generate
	UPDATE=1 $(GO) test -count=1 -run '^TestGolden' $(addprefix ./,$(GOLDEN))
	git status --short

## deps: install with apt what a fresh Debian lacks, and build the receivers of tests
deps:
	@build/deps.sh test
	@build/deps.sh check
	@$(GO) run ./build/receivers/install victoria-logs

deps-build:
	@build/deps.sh build

clean:
	rm -rf out_edge.so out_edge.h dist bin
