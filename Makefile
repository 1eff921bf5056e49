# Every target first runs Scripts/setup, which is silent when all is there.

export PKG_CONFIG_PATH := $(CURDIR)/.libtorch:$(PKG_CONFIG_PATH)

# Read when a recipe runs, after Scripts/setup has written it.
FLAGS = -c release -Xlinker -rpath -Xlinker "$$(cat .libtorch/rpath)"
SEPPO = .build/release/seppo

.PHONY: help setup build test demo bench ablation docs lint clean
.DEFAULT_GOAL := build

setup:
	@Scripts/setup

build: setup  ## Build the `seppo` command (.build/release/seppo)
	swift build $(FLAGS)

test: setup  ## Run every test
	swift test $(FLAGS)

demo: build  ## Align the built-in model and open the report's path in the last line
	$(SEPPO) demo
