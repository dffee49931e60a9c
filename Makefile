# out_edge: every step of CI is a target here. `make demo` runs it locally,
# `make test` tests all of it.

GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
# The time of the commit: the time of every file in every artefact, and the earliest
# date at which a device's clock counts as set.
SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 0)
# Package maintainer; defaults to the commit's author.
MAINTAINER ?= $(shell git log -1 --format='%an <%ae>' 2>/dev/null)
LDFLAGS  = -s -w -X main.version=$(VERSION) -X main.commitTime=$(SOURCE_DATE_EPOCH)
TOOL     = $(GO) tool -modfile=build/tools/go.mod
# Packages without cgo: they are tested on 32-bit targets too.
PURE     = ./timefix/... ./plugin/wire/... ./plugin/chunk/... ./plugin/cmetrics/... ./plugin/metric/... ./plugin/delivery/... ./plugin/logline/... ./plugin/footprint/... \
           ./plugin/config/... ./plugin/check/... ./plugin/pipeline/... ./exporter/... ./ddsink/...
TEMPLATE = exporter/statuspage/status.qtpl
# The official Datadog models, which the test intake parses with, take 7 GB to
# compile with the default GOGC.
export GOGC ?= 50
# The libraries are built with -trimpath. Using it everywhere lets tests, lint and
# checkouts in other folders share the compile cache.
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
demo: patience build
	@$(GO) build -o bin/demo ./build/demo   # go run would fail at Ctrl-C
	@trap : INT; bin/demo -seconds "$(or $(DEMO_SECONDS),0)"

patience:
	@test -e out_edge.so || echo 'building: the first time this takes some minutes'

# Where there is no C compiler, only the packages that need none.
CHECKED = $(if $(shell command -v $(or $(CC),gcc)),./...,$(PURE) ./build/testkit)

## check: format, vet, lint and the unit tests of the packages without cgo:
## needs no root and installs nothing
check: format lint-go
	$(GO) vet $(CHECKED)
	$(GO) test $(PURE)

# How long the tests of one package may take: the slowest need ten minutes on two cores,
# and a busy machine or an emulator several times that.
PATIENT = -timeout 1h

## test: all tests of .ci/run
test: deps test-unit test-race test-386 test-arm

# test-arm runs the library on ARM. The packages without cgo are tested with the race
# detector and on three 32- and 64-bit targets, so not here, except for allocation
# budgets that the detector affects.
OTHERS = $(filter-out $(shell $(GO) list $(PURE)),$(shell $(GO) list ./...)) ./exporter/rules
test-unit:
	$(GO) test $(PATIENT) -skip '^TestARM' $(OTHERS)

test-race:
	$(GO) test $(PATIENT) -race $(PURE)

# A kernel without 32-bit x86 emulation cannot run these, and qemu-user cannot run Go's:
# there they are only vetted, and the ARMv7 tests cover 32 bits.
test-386:
	@dir=$$(mktemp -d); echo 'package main; func main() {}' >$$dir/main.go; \
	if GOARCH=386 CGO_ENABLED=0 $(GO) run $$dir/main.go 2>/dev/null; then \
		GOARCH=386 CGO_ENABLED=0 $(GO) test $(PATIENT) $(PURE); \
	else \
		echo 'this kernel runs no 32-bit x86 programs: the tests are vetted for 386, and run for ARMv7'; \
		GOARCH=386 CGO_ENABLED=0 $(GO) vet $(PURE); \
	fi; status=$$?; rm -r $$dir; exit $$status

# Under qemu: the unit tests of the pure packages, and the library in the C host
# with all captured payloads. Only tests: benchmarks of wall time mean nothing there.
test-arm:
	GOARCH=arm GOARM=7 CGO_ENABLED=0 $(GO) test $(PATIENT) -exec qemu-arm-static $(PURE)
	GOARCH=arm64 CGO_ENABLED=0 $(GO) test $(PATIENT) -exec qemu-aarch64-static $(PURE)
	$(GO) test $(PATIENT) -run '^TestARM' ./build/e2e

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

## bench: what a record costs, beside what it costs others (BENCH='-rounds 2 -parts steps' and more: docs/speed.md)
bench:
	$(GO) run ./build/bench $(BENCH)

## benchmarks: every benchmark beside the code
benchmarks:
	$(GO) test -run '^$$' -bench . -benchmem $(PURE)

## fuzz: each fuzz target for FUZZTIME
FUZZTIME ?= 60s
fuzz:
	@build/fuzz.sh $(FUZZTIME)

# Passed in the environment, because a name may contain quotes.
dist dist-check image: export MAINTAINER := $(MAINTAINER)
RELEASE = $(GO) run ./build/release
DIST   ?= dist
# Build tags of the libraries, with commas.
TAGS   ?=

## dist: libraries, archives, packages and checksums of all platforms, in ./dist
dist: deps-dist
	$(RELEASE) dist -version '$(VERSION)' -epoch '$(SOURCE_DATE_EPOCH)' -tags '$(TAGS)' -dist '$(DIST)'
	$(RELEASE) check $(DIST)/*.so

## dist-check: dist, then check ELF, packages, image, install instructions, each library
## in the host of its own architecture, and that a second build has the same bytes
dist-check: deps-check dist
	@for dir in build/release/trim/*/; do (cd $$dir && $(GO) test ./...) || exit 1; done
	DIST='$(abspath $(DIST))' TAGS='$(TAGS)' $(GO) test $(PATIENT) -tags dist -count=1 ./build/release/disttest

## image: the container images of all platforms, in ./dist (BASE, BUILDER and TAG are passed on)
image: deps-image dist
	SOURCE_DATE_EPOCH='$(SOURCE_DATE_EPOCH)' build/container/image.sh '$(VERSION)' '$(DIST)'

## sizes: what takes how much space in a library
sizes: deps-dist
	$(RELEASE) sizes -version '$(VERSION)' -tags '$(TAGS)' -targets armv7

deps-dist:
	@build/deps.sh dist

deps-image:
	@build/deps.sh image

deps-check:
	@build/deps.sh check

## capture: bin/capture.so, an output that saves the payloads that Fluent Bit passes to outputs
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

## dashboards: write examples/dashboards anew from the tables of series
dashboards:
	$(GO) run ./build/dashboards

# All packages whose tests compare with a golden file.
GOLDEN = $(shell git grep -l -e 'testkit[.]Golden' -e 'testkit[.]Update' -- '*_test.go' | xargs -n1 dirname | sort -u)

## golden: write every golden file and generated table anew; review the difference
## before you commit it
golden: docs dashboards generate
	UPDATE=1 $(GO) test -count=1 -run '^TestGolden' $(addprefix ./,$(GOLDEN))
	git status --short

## deps: install with apt what a fresh Debian lacks, and build the receivers of tests
deps:
	@build/deps.sh test
	@build/deps.sh check
	@$(GO) run ./build/receivers/install

deps-build:
	@build/deps.sh build

clean:
	rm -rf out_edge.so out_edge.h dist bin
