#!/bin/sh
# `make demo`: a workspace, a key, the sample articles, a server. A second run finds all of it there.
# The caller sets BIN (the programs), DATA (the data folder) and ARTICLES.
set -eu

export CANDOR_DATA_DIR="$DATA"
ADDRESS=127.0.0.1:8080

# Prints the value of a text field of the JSON on standard input.
field() { sed -n "s/.*\"$1\": \"\([^\"]*\)\".*/\1/p"; }

mkdir -p "$DATA"
if [ ! -s "$DATA/workspace" ]; then
    "$BIN/candor" workspace create Tarnwheel --json | field id > "$DATA/workspace"
fi
workspace=$(cat "$DATA/workspace")
if [ ! -s "$DATA/key" ]; then
    (umask 077; "$BIN/candor" key create --workspace "$workspace" --name demo --json | field key > "$DATA/key")
fi
key=$(cat "$DATA/key")

# Whatever answers there already would be taken for the server that is started below.
if curl --silent --output /dev/null "http://$ADDRESS/"; then
    echo "demo: something answers at http://$ADDRESS already; stop it first" >&2
    exit 2
fi

"$BIN/ingest" "$ARTICLES" --workspace "$workspace" --prune

"$BIN/candor" serve --listen "$ADDRESS" &
server=$!
trap 'kill "$server" 2>/dev/null; wait "$server"' INT TERM
until curl --silent --fail --output /dev/null "http://$ADDRESS/readyz"; do
    kill -0 "$server" 2>/dev/null || { wait "$server"; exit 2; }
    sleep 0.1
done

cat <<TEXT

Candor answers at http://$ADDRESS (docs: http://$ADDRESS/docs/). Ctrl-C stops it.

  workspace    $workspace
  key          $key
  data folder  $DATA  (for other commands: export CANDOR_DATA_DIR=$DATA)

Try:

  curl -s http://$ADDRESS/chat/query -H 'X-API-Key: $key' -H 'Content-Type: application/json' \\
    -d '{"sessionId": "visitor-'\$(date +%s)'", "message": "How long is the warranty on the frame?"}'

TEXT
wait "$server"
