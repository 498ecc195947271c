#!/bin/sh
# Runs a command beside the servers that the tests need: `sh .with-servers.sh COMMAND ARGUMENT…`.
#
# PostgreSQL is a throw-away cluster: it lies in a temporary folder, is reached through a socket there and no port, is run by a
# user without rights, and goes when the command has ended. A Qdrant server is started where there is a program for one.
# The command finds them in TEST_POSTGRES_URL and QDRANT_TEST_URL; what is named there already is taken as it is.
set -eu

folder=
qdrant=
stop() {
    [ -z "$qdrant" ] || "$QDRANT_TOOL" stop || true
    [ -z "$qdrant" ] || rm -rf "$qdrant"
    [ -z "$folder" ] || $as_nobody "$programs/pg_ctl" --pgdata="$folder/data" --mode=immediate stop >/dev/null 2>&1 || true
    [ -z "$folder" ] || rm -rf "$folder"
}
trap stop EXIT
trap 'exit 1' HUP INT TERM

# Installs Debian packages when it may: `install PROGRAM PACKAGE`.
install() {
    command -v "$1" >/dev/null && return
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 0
    echo "Installing $2 for the tests"
    # No service is to be started by a package that is only wanted for its programs.
    mkdir -p /etc/postgresql-common
    [ -e /etc/postgresql-common/createcluster.conf ] ||
        echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.conf
    { apt-get update -qq && RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends "$2"; } >/dev/null ||
        echo "$2 could not be installed" >&2
}

# Says that a part is left out.
left_out() { echo "$1" >&2; }

# --- PostgreSQL ---

# The newest server that Debian's packages or the search path have.
postgres_programs() {
    for found in $(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -rV) $(dirname "$(command -v initdb || echo /nowhere/)"); do
        [ -x "$found/initdb" ] && [ -x "$found/pg_ctl" ] && echo "$found" && return
    done
}

if [ -z "${TEST_POSTGRES_URL:-}" ]; then
    [ -n "$(postgres_programs)" ] || install initdb postgresql
    programs=$(postgres_programs)
    if [ -z "$programs" ]; then
        left_out "PostgreSQL is not installed: its tests are left out. Install it (Debian: apt-get install postgresql), or name a server in TEST_POSTGRES_URL."
    else
        folder=$(mktemp -d)
        # PostgreSQL refuses to run as root.
        as_nobody=
        if [ "$(id -u)" = 0 ]; then
            chown nobody "$folder"
            as_nobody="runuser -u nobody --"
        fi
        # It is thrown away, so nothing has to reach the disk.
        (
            cd "$folder"
            $as_nobody "$programs/initdb" --pgdata="$folder/data" --username=candor --auth=trust --encoding=UTF8 --locale=C --no-sync
            $as_nobody "$programs/pg_ctl" --pgdata="$folder/data" --log="$folder/log" --wait start \
                --options="-k $folder -c listen_addresses= -c max_connections=400 -c fsync=off -c full_page_writes=off"
        ) > "$folder.log" 2>&1 || { cat "$folder.log" >&2; echo "PostgreSQL for the tests does not start." >&2; exit 1; }
        rm -f "$folder.log"
        export TEST_POSTGRES_URL="postgres://candor@localhost/postgres?host=$folder"
        # pg_dump and pg_restore must be as new as the server.
        export PATH="$programs:$PATH"
    fi
fi

# --- Qdrant ---

# A program that starts a server on loopback with `start`, prints its gRPC address, and ends it with `stop`. It is given a folder
# and ports of its own, so that two runs on one machine do not meet; what it has downloaded is kept for the next.
QDRANT_TOOL=${QDRANT_TOOL:-../shared/tools/qdrant-server}
if [ -z "${QDRANT_TEST_URL:-}" ]; then
    if [ -x "$QDRANT_TOOL" ]; then
        qdrant=$(mktemp -d)
        kept=${XDG_CACHE_HOME:-$HOME/.cache}/candor-qdrant/qdrant
        [ ! -x "$kept" ] || cp "$kept" "$qdrant/"
        export QDRANT_TEST_DIR="$qdrant" QDRANT_TEST_HTTP_PORT=$((20000 + $$ % 20000)) QDRANT_TEST_GRPC_PORT=$((40000 + $$ % 20000))
        if QDRANT_TEST_URL=$("$QDRANT_TOOL" start); then
            export QDRANT_TEST_URL
            [ -x "$kept" ] || { mkdir -p "${kept%/*}" && cp "$qdrant/qdrant" "$kept"; }
        fi
    fi
    [ -n "${QDRANT_TEST_URL:-}" ] ||
        left_out "There is no Qdrant server: its tests are left out. Start one and name its gRPC address in QDRANT_TEST_URL."
fi

# --- Prometheus ---

install promtool prometheus
command -v promtool >/dev/null ||
    left_out "Prometheus is not installed: the tests of rules and dashboards are left out. Install it (Debian: apt-get install prometheus)."

"$@"
