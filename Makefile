# make build   compiles the program           (build/cpu-release/bin/t3video)
# make demo    ... and makes a film with the bundled model: demo.mp4, demo.png
# make test    ... and runs all tests
# Missing Debian packages are installed through apt when root; otherwise the one command to do so is printed.

PRESET ?= cpu-release
PROMPT ?= A red ball drifts left over green hills.
BIN := build/$(PRESET)/bin/t3video

.PHONY: build demo test packages

packages:
	@tools/install_packages.sh
	@case "$(PRESET)" in cuda*) tools/install_cuda_headers.sh;; esac

build: packages
	cmake --preset $(PRESET)
	cmake --build --preset $(PRESET) --parallel 2

demo: build
	$(BIN) generate --prompt "$(PROMPT)" --output demo.mp4
	@echo "Open demo.mp4, or demo.png for its frames at a glance."

test: build
	ctest --preset $(PRESET) --parallel 2
