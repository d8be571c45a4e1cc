# SPDX-License-Identifier: Apache-2.0
# The verbs of this project, the same by hand and in CI. What they do is in scripts/.
.DEFAULT_GOAL := help
.PHONY: help run test build release lint format tidy scenarios interop bench store-bench instructions fuzz tsan soak check clean
SHELL := /bin/bash

help:       ## list these verbs
	@sed -n 's/^\([a-z-]*\): *## */  make \1\t/p' $(MAKEFILE_LIST) | expand -t 22
run:        ## set up, build, and serve localhost:5222 from var/
	@scripts/run.sh
test:       ## set up, build, and run every test
	@scripts/test.sh
build:      ## build mimd for debugging
	@scripts/build.sh debug
release:    ## build mimd optimized
	@scripts/build.sh release
lint:       ## check formatting and documentation comments (swift format)
	@scripts/lint.sh
format:     ## rewrite the sources in the house format
	@scripts/format.sh
tidy:       ## check the house rules (Tests/TidyTests)
	@scripts/swift-test.sh TidyTests
scenarios:  ## run the scenario scripts only
	@scripts/swift-test.sh Scenario
interop:    ## build, and drive mimd with a real client library (arguments for pytest: ARGS=...)
	@scripts/interop.sh $(ARGS)
bench:      ## build optimized, and repeat the tables of docs/performance.md (arguments: ARGS=...)
	@scripts/bench.sh $(ARGS)
store-bench: ## measure the stores, on SQLite and on the database servers that are there
	@scripts/store-bench.sh $(ARGS)
instructions: ## count the instructions of the workloads in Benchmarks/ (ARGS=--record writes them down)
	@scripts/instructions.sh $(ARGS)
fuzz:       ## fuzz each target for a minute; ARGS="xml 1200" for one of them, longer
	@scripts/fuzz.sh $(ARGS)
tsan:       ## run the Swift tests under the thread sanitizer
	@scripts/tsan.sh $(ARGS)
soak:       ## let 2,000 clients live with an optimized mimd for twenty minutes (ARGS="--minutes 3")
	@scripts/soak.sh $(ARGS)
check:      ## lint, then test
	@scripts/lint.sh && scripts/test.sh
clean:      ## remove what was built; var/ and config/ stay
	@rm -rf .build .build-* .venv .pytest_cache Tests/InteropTests/{.,harness}/__pycache__
