# Two commands matter: `make run` and `make test`. Both install the Debian packages they miss.
.DEFAULT_GOAL := help
.PHONY: help run build program image test gates soak sanitize bench fuzz fuzz-all check-examples clean packages-build

# The program; the embedded cluster, cluster-dns-lab, stands beside it.
BINARY := .build/release/cluster-dns
IMAGE := .build/cluster-dns.tar
IMAGE_PACKAGES := buildah ca-certificates binutils libcap2-bin

help:
	@echo 'make run             build, start an embedded cluster and the DNS server on 127.0.0.1:1053'
	@echo 'make test            build, run every test, print counts'
	@echo 'make build           build the release binaries: $(BINARY) and cluster-dns-lab beside it'
	@echo 'make image           build the container image as an OCI archive: $(IMAGE)'
	@echo 'make gates           every release gate as far as it asks, or SUITES="spoofing soak": docs/gates.md'
	@echo 'make soak            MINUTES=30 of questions beside changes, reloads, failing upstreams and attacks: nothing is lost, nothing grows'
	@echo 'make sanitize        unit tests and live suites on builds with the address and the thread sanitizer: KIND=address or thread'
	@echo 'make bench           CPU per answer beside NSD, Knot DNS, Unbound, dnsmasq and CoreDNS; start, memory, change latency'
	@echo 'make fuzz            search for inputs that break a claim: TARGET=list, or one of them with SECONDS=60 and CORES=2'
	@echo 'make fuzz-all        every fuzz target for SECONDS=20, from the kept inputs'
	@echo 'make check-examples  read every Corefile in Corefile-examples/ as the server would'
	@echo 'make clean           remove everything that was built'

packages-build:
	@.ci/packages libldns-dev libmaxminddb-dev

# What an image needs, and no more: the embedded cluster has libraries of its own.
program: packages-build
	swift build -c release --product cluster-dns

build: program
	swift build -c release --product cluster-dns-lab

run: build
	@.ci/packages bind9-dnsutils
	@deploy/run.sh $(BINARY)

image: program
	@.ci/packages $(IMAGE_PACKAGES)
	@deploy/image/archive.sh $(BINARY) $(IMAGE)

test: packages-build
	@.ci/packages bind9-dnsutils ldnsutils knot knot-dnsutils dnsperf fstrm-bin nsd curl python3 python3-venv
	@.ci/packages $(IMAGE_PACKAGES) iproute2 iptables nftables openssl prometheus strace unbound util-linux etcd-server
	@command -v kubectl >/dev/null || .ci/packages kubernetes-client
	@[ -x /usr/sbin/kresd ] || .ci/packages knot-resolver || echo 'Without kresd its part of a suite is not run.'
	@Tests/run.sh

gates: build
	@.ci/packages bind9-dnsutils dnsperf iproute2 iptables ldnsutils openssl python3 python3-venv strace util-linux
	@Tests/gates.py $(SUITES)

soak: build
	@.ci/packages bind9-dnsutils openssl python3
	@CLUSTER_DNS=$(BINARY) python3 Tests/Live/soak.py $(or $(MINUTES),30)

sanitize: packages-build
	@.ci/packages bind9-dnsutils curl dnsperf etcd-server knot knot-dnsutils ldnsutils nsd openssl python3 python3-venv unbound util-linux
	@Tests/sanitize.sh $(KIND)

bench: build
	@.ci/packages bind9-dnsutils dnsmasq-base dnsperf knot nsd openssl python3 unbound util-linux
	@Benchmarks/table.py $(BINARY)
	@Benchmarks/start-and-memory.sh $(BINARY)
	@Benchmarks/change-latency.sh $(BINARY)

fuzz: packages-build
	@Tests/Fuzzing/fuzz.sh $(or $(TARGET),list) $(if $(INPUT),again $(INPUT),$(SECONDS) $(CORES))

fuzz-all: packages-build
	@Tests/Fuzzing/fuzz.sh all $(SECONDS)

check-examples: program
	@KUBECONFIG=Tests/Live/nowhere.kubeconfig $(BINARY) check Corefile-examples/*.Corefile

clean:
	swift package clean
