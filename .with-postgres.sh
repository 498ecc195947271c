#!/bin/sh
# Runs a command beside a throw-away PostgreSQL: `sh .with-postgres.sh COMMAND ARGUMENT…`.
#
# The cluster lies in a temporary folder, is reached through a socket in that folder and no port, is run by a user without
# rights, and goes when the command has ended. The command finds it in TEST_POSTGRES_URL. A server that is named there already
# is taken as it is.
set -eu

if [ -n "${TEST_POSTGRES_URL:-}" ]; then
    exec "$@"
fi

# The newest server that Debian's packages or the search path have.
programs() {
    for folder in $(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -rV) $(dirname "$(command -v initdb || echo /nowhere/)"); do
        [ -x "$folder/initdb" ] && [ -x "$folder/pg_ctl" ] && echo "$folder" && return
    done
}

if [ -z "$(programs)" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing PostgreSQL for the tests"
    # Only the programs are wanted: the package would make and start a cluster of its own.
    mkdir -p /etc/postgresql-common
    [ -e /etc/postgresql-common/createcluster.conf ] ||
        echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.conf
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends postgresql; } >/dev/null
fi
programs=$(programs)
if [ -z "$programs" ]; then
    echo "PostgreSQL is not installed: the tests that need it are left out. Install it (Debian: apt-get install postgresql), or name a server in TEST_POSTGRES_URL." >&2
    [ -z "${CI:-}" ] || exit 1
    exec "$@"
fi

folder=$(mktemp -d)
# PostgreSQL refuses to run as root.
as_nobody=
if [ "$(id -u)" = 0 ]; then
    chown nobody "$folder"
    as_nobody="runuser -u nobody --"
fi
stop() {
    $as_nobody "$programs/pg_ctl" --pgdata="$folder/data" --mode=immediate stop >/dev/null 2>&1 || true
    rm -rf "$folder"
}
trap stop EXIT
trap 'exit 1' HUP INT TERM

# It is thrown away, so nothing has to reach the disk.
(
    cd "$folder"
    $as_nobody "$programs/initdb" --pgdata="$folder/data" --username=candor --auth=trust --encoding=UTF8 --locale=C --no-sync
    $as_nobody "$programs/pg_ctl" --pgdata="$folder/data" --log="$folder/log" --wait start \
        --options="-k $folder -c listen_addresses= -c max_connections=300 -c fsync=off -c full_page_writes=off"
) > "$folder.log" 2>&1 || { cat "$folder.log" >&2; echo "PostgreSQL for the tests does not start." >&2; exit 1; }
rm -f "$folder.log"

TEST_POSTGRES_URL="postgres://candor@localhost/postgres?host=$folder" "$@"
