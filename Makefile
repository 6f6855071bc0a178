# Everything a developer does, by name. `make run` and `make test` need nothing
# but Go 1.26, Node 20 and, for the tests, Debian packages that they install.

SHELL      := bash
.SHELLFLAGS := -euo pipefail -c
.ONESHELL:
MAKEFLAGS  += --no-print-directory

VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
GOFLAGS  ?=
LDFLAGS  := -s -w -X main.version=$(VERSION)
CONFIG   ?=
DEBIAN   := postgresql-15 chromium wrk
UI_FILES := $(shell find ui/src ui/public ui/scripts -type f 2>/dev/null) ui/index.html ui/package-lock.json ui/vite.config.ts

export CGO_ENABLED := 0

.PHONY: help
help: ## Show this list.
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

.PHONY: run
run: build ## Build and serve http://localhost:7007 with the example organisation.
	exec bin/stagedoor serve

.PHONY: build
build: bin/stagedoor ## Build bin/stagedoor, front-end included.

bin/stagedoor: ui/dist/index.html FORCE
	go build $(GOFLAGS) -trimpath -ldflags '$(LDFLAGS)' -o $@ ./cmd/stagedoor

.PHONY: FORCE
FORCE:

ui/node_modules/.package-lock.json: ui/package-lock.json
	cd ui && npm ci --no-audit --no-fund

ui/dist/index.html: ui/node_modules/.package-lock.json $(UI_FILES)
	cd ui && npm run build

e2e/node_modules/.package-lock.json: e2e/package-lock.json
	cd e2e && npm ci --no-audit --no-fund

.PHONY: dev
dev: ui/node_modules/.package-lock.json ui/dist/index.html ## Serve with hot reload of the front-end, rebuild the back end on change.
	node tools/dev.mjs

.PHONY: setup
setup: ## Install the Debian packages and npm packages that the tests need.
	@missing=""
	for tool in /usr/lib/postgresql/15/bin/initdb /usr/bin/chromium /usr/bin/wrk; do
		[ -x "$$tool" ] || missing=yes
	done
	if [ -n "$$missing" ]; then
		sudo=""; [ "$$(id -u)" = 0 ] || sudo=sudo
		$$sudo apt-get update -qq
		DEBIAN_FRONTEND=noninteractive $$sudo apt-get install -y -qq --no-install-recommends $(DEBIAN)
	fi
	$(MAKE) ui/node_modules/.package-lock.json e2e/node_modules/.package-lock.json

.PHONY: test
test: setup build test-go test-ui test-e2e test-dex compat ## Run every test: unit, conformance on both databases, contract, browser, compatibility.

.PHONY: test-go
test-go: ui/dist/index.html
	go test $(GOFLAGS) ./...

.PHONY: test-ui
test-ui: ui/node_modules/.package-lock.json
	cd ui && npm run typecheck && npm run test

bin/oidc: FORCE
	go build $(GOFLAGS) -o $@ ./e2e/oidc

.PHONY: test-e2e
test-e2e: build bin/oidc e2e/node_modules/.package-lock.json
	cd e2e && npm test

.PHONY: test-dex
test-dex: build ## Sign in with Dex, a second OpenID provider, in a module of its own.
	STAGEDOOR=$(CURDIR)/bin/stagedoor go -C e2e/dex test ./...

.PHONY: test-race
test-race: ui/dist/index.html ## Run the Go tests under the race detector (needs a C compiler).
	CGO_ENABLED=1 go test -race ./...

.PHONY: compat
compat: build ## Replay the recorded calls of a real Backstage against the binary.
	node e2e/compat.mjs

.PHONY: bench
bench: build ## Measure what DESIGN promises and print the figures with the machine.
	node tools/bench.mjs

.PHONY: fuzz
fuzz: ## Run every fuzz target for FUZZTIME (default 30s).
	tools/fuzz.sh $${FUZZTIME:-30s}

.PHONY: lint
lint: ui/node_modules/.package-lock.json ui/dist/index.html ## Check formatting, imports, idioms and the direction of imports.
	go vet ./...
	go -C e2e/dex vet ./...
	go -C tools tool golangci-lint --version >/dev/null
	bin=$$(go -C tools tool -n golangci-lint) && "$$bin" run ./...
	cd ui && npm run lint && npm run typecheck && npm run generate -- --check && npm run size

.PHONY: tidy-check
tidy-check:
	go mod tidy -diff

.PHONY: release
release: ## Build archives for every platform, checksums and an SBOM into dist/.
	tools/release.sh $(VERSION)

.PHONY: clean
clean: ## Remove what was built.
	rm -rf bin dist ui/dist/assets ui/dist/index.html ui/node_modules e2e/node_modules
