# Every target runs Scripts/setup first, which is silent and quick when all is there.

# SwiftPM finds libtorch and Arrow by the libtorch.pc and libarrow.pc that Scripts/setup writes.
export PKG_CONFIG_PATH := $(CURDIR)/.libtorch:$(CURDIR)/.arrow:$(PKG_CONFIG_PATH)

# The run paths are read when a recipe runs, after Scripts/setup has written them. Build and tests must share every compiler flag,
# or each would compile the other's work anew: so both enable `@testable import` here, and `swift test` adds no flag of its own.
RPATHS = -Xlinker -rpath -Xlinker "$$(cat .libtorch/rpath)" -Xlinker -rpath -Xlinker "$$(cat .arrow/rpath)"
FLAGS = -c release $(RPATHS) -Xswiftc -enable-testing
SEPPO = .build/release/seppo

.DEFAULT_GOAL := help
.PHONY: help setup build test test-data test-outside test-large fuzz demo demo-video bench gpu-check ablation docs lint clean

help:  ## Show the targets
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-16s %s\n", $$1, $$2 }'
	@echo
	@echo "LIBTORCH=/path with any of them uses that libtorch 2.13; otherwise an installed PyTorch is used, or one is downloaded."
	@echo "SETUP_INSTALL=no with any of them installs no system packages: it prints the command that would, and stops."

setup:  ## Get libtorch, Arrow and the system libraries; every other target does so too
	@Scripts/setup

demo: build  ## Align the built-in model and write a report
	@$(SEPPO) demo

demo-video: build  ## Align the built-in model that draws clips, and write a report
	@$(SEPPO) demo --video

build: setup  ## Build the seppo command: .build/release/seppo
	@swift build $(FLAGS)

test: test-data  ## Run every test
	@swift test $(FLAGS) --disable-testable-imports --skip '^(StorageTests|TokenizersTests|MediaTests|WinnersTests)[.]'

test-data: setup  ## Run the tests of the data wing, where there is no libtorch
	@WING=data swift test $(FLAGS) --disable-testable-imports

test-outside: setup  ## Build packages that take Torch, or Winners without libtorch, from here, and run them
	@Scripts/test-outside $(FLAGS)

test-large: setup  ## Hold a model of Stable Diffusion 1.5's full size against diffusers
	@Scripts/test-large $(FLAGS) --disable-testable-imports

fuzz: setup  ## Read 120,000 damaged files with every parser of ours (minutes; ONLY=clip- names some)
	@SEPPO_FUZZ=120000 $(if $(ONLY),SEPPO_FUZZ_ONLY=$(ONLY)) swift test $(FLAGS) --disable-testable-imports --filter FuzzTests

bench: build  ## Measure against PyTorch + diffusers on this machine
	@Benchmarks/run

gpu-check: build  ## Check and time this machine's GPU (DEVICE=cuda:1 names one)
	@Scripts/gpu-check $(FLAGS) --disable-testable-imports

ablation: build  ## Compare every method over several seeds (up to 90 minutes, resumable)
	@$(SEPPO) ablation

docs: build  ## Write the API documentation: .build/documentation
	@Scripts/docs

lint: setup  ## Check the style of the Swift sources, and list files and types that have grown large
	@swift format lint --strict --parallel --recursive Sources Tests Package.swift
	@Scripts/large

clean:  ## Remove what was built; libtorch and Arrow stay (.libtorch, .arrow)
	@rm -rf .build
