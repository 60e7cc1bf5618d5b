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
	$(GO) vet ./... && $(GO) vet -tags interop,soak ./...
	$(TOOL) staticcheck -tags interop,soak ./...

.PHONY: race
race:
	$(GO) test -race -timeout 15m ./...

# Clients that nobody here wrote, from Debian, and an XML parser that is not ours, against the broker; and servers that nobody here
# wrote against our transcripts. `make interop` installs and runs them all; the targets below it run one that is installed.
INTEROP = $(GO) test -tags interop -count=1 -timeout 10m -v ./interop -run
INTEROP_PACKAGES = python3-slixmpp go-sendxmpp profanity tmux prosody ejabberd

.PHONY: interop interop-peers interop-slixmpp interop-sendxmpp interop-profanity interop-expat interop-prosody interop-ejabberd interop-disk interop-durability
interop: interop-peers interop-durability
interop-peers: interop-install
	$(INTEROP) .
interop-slixmpp:
	$(INTEROP) ^TestSlixmpp
interop-sendxmpp:
	$(INTEROP) ^TestSendxmpp
interop-profanity:
	$(INTEROP) ^TestProfanity
interop-expat:
	$(INTEROP) ^TestExpat
interop-prosody:
	$(INTEROP) ^TestProsody
interop-ejabberd:
	$(INTEROP) ^TestEjabberd
interop-disk:
	$(INTEROP) ^TestDisk

# Links cut 200 times, and 50 kills of a broker that writes; `make test` does less of the same.
interop-durability:
	COMITY_CUTS=200 COMITY_KILLS=50 $(GO) test -count=1 -timeout 20m -v ./cmd/comity -run '^(TestCuts|TestKills)$$'

# Pairs of real clients for SOAK (5m if it is not set), with connections that break.
.PHONY: soak
soak: interop-install
	$(GO) test -tags interop,soak -count=1 -timeout 25h -parallel 32 -v ./interop -run ^TestSoak

# Debian starts a server that it installs, and again with the machine. These are for the tests alone, which start their own: nothing
# may be started while policy-rc.d says so, nor later by what was installed here.
.PHONY: interop-install
interop-install:
	@missing=$$(for p in $(INTEROP_PACKAGES); do dpkg-query -Wf '$${Status}' $$p 2>&1 | grep -q ' installed$$' || echo $$p; done); \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ $$(id -u) -ne 0 ]; then echo "not installed, and only root can do that: apt-get install" $$missing >&2; exit 1; fi; \
	echo "installing" $$missing; \
	export DEBIAN_FRONTEND=noninteractive; \
	policy=/usr/sbin/policy-rc.d; \
	if [ ! -e $$policy ]; then \
		trap "rm -f $$policy" EXIT; trap 'exit 1' INT TERM; \
		{ echo '#!/bin/sh'; echo 'exit 101'; } >$$policy && chmod 755 $$policy || exit 1; \
	fi; \
	apt-get -qq -o Acquire::Retries=3 update && \
	apt-get -qq -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 install -y --no-install-recommends $$missing >/dev/null && \
	for p in $$missing; do [ ! -e /etc/init.d/$$p ] || update-rc.d $$p disable || exit 1; done
