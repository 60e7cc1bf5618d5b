# What is checked, and how. `make test` needs nothing but Go.
GO ?= go
TOOL = $(GO) tool -modfile=tools/go.mod

.PHONY: test
test:
	$(GO) test ./...

.PHONY: check
check: fmt vet test race

.PHONY: fmt
fmt:
	@out=$$($(TOOL) gofumpt -l .); if [ -n "$$out" ]; then echo "not gofumpt'ed ($(TOOL) gofumpt -w .):"; echo "$$out"; exit 1; fi

.PHONY: vet
vet:
	$(GO) vet ./... && $(GO) vet -tags interop ./...
	$(TOOL) staticcheck -tags interop ./...

.PHONY: race
race:
	$(GO) test -race -timeout 15m ./...
