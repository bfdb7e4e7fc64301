# make build   compiles the program           (build/cpu-release/bin/t3video)
# make demo    ... and makes a film with the bundled model: demo.mp4, demo.png
# make test    compiles everything and runs all tests; WERROR=ON takes warnings for errors, as our CI does
# Missing Debian packages are installed through apt when root; otherwise the one command to do so is printed.

PRESET ?= cpu-release
PROMPT ?= A red ball drifts left over green hills.
BIN := build/$(PRESET)/bin/t3video

.PHONY: configure build demo test packages

packages:
	@tools/install_packages.sh
	@case "$(PRESET)" in cuda*) tools/install_cuda_headers.sh;; esac

configure: packages
	cmake --preset $(PRESET) $(if $(WERROR),-DT3VIDEO_WERROR=$(WERROR))

build: configure
	cmake --build --preset $(PRESET) --target t3video --parallel 2

demo: build
	$(BIN) generate --prompt "$(PROMPT)" --output demo.mp4
	@echo "Open demo.mp4, or demo.png for its frames at a glance."

test: configure
	cmake --build --preset $(PRESET) --parallel 2
	ctest --preset $(PRESET) --parallel 2
