# For scripts that measure one agent: sourced, with `name` set to the script's. Sets root, build (or asks for
# it: prepare), work and sockets; agent and simulator while they run. All is stopped and removed at the end.
# shellcheck source=tests/bench/figures.bash
source "$(dirname "${BASH_SOURCE[0]}")/figures.bash"

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build='' work='' sockets='' agent='' simulator='' far_side=''
others='' # processes that a script has started besides

die() {
    printf '%s: %s\n' "${name:?}" "$*" >&2
    exit 1
}

cleanup() {
    trap '' INT TERM
    local pid
    for pid in $agent $simulator; do
        kill -KILL "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    for pid in $others; do
        kill -TERM "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    [[ -z $work ]] || rm -rf "$work"
    [[ -z $sockets ]] || rm -rf "$sockets"
}

prepare() { # TARGET…: what is needed of the programs
    trap cleanup EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    if [[ -z $build ]]; then
        (cd "$root" && cmake --preset release && cmake --build --preset release --target "$@") >&2
        build=$root/build/release
    fi
    work=$(mktemp -d "$build/bench.XXXXXX")
    sockets=$(mktemp -d /tmp/holdfast-bench.XXXXXX)
}

start_simulator() { # sets far_side
    "$build/bin/customerio-sim" >"$work/simulator" &
    simulator=$!
    until grep -q '"http"' "$work/simulator"; do sleep 0.05; done
    far_side=$(grep -oE 'http://127.0.0.1:[0-9]+' "$work/simulator" | head -n 1)
}

# The agent's destination, in its configuration. A script that needs another has its own.
destination() { # URL of the far side
    cat <<TOML
[[destination]]
name = "customerio"
type = "customerio"
region = "us"
site_id = "sim-site"
api_key_file = "$work/data/key"
track_url = "$1"
track_rate = 1000
concurrency = 64
TOML
}

configure() { # URL of the far side
    mkdir -p "$work/data"
    (umask 077 && printf sim-key >"$work/data/key")
    {
        cat <<TOML
[ingest]
socket = "$sockets/ingest"
connections_max = 12000
[admin]
socket = "$sockets/admin"
[wal]
directory = "$work/data/wal"
TOML
        destination "$1"
    } >"$work/data/holdfast.toml"
}

# Goes on with the data that is there, if any.
start_agent() { # URL of the far side
    configure "$1"
    "$build/bin/holdfastd" --config "$work/data/holdfast.toml" >>"$work/agent.log" 2>&1 &
    agent=$!
}

kill_agent() {
    kill -KILL "$agent"
    wait "$agent" 2>/dev/null || true
    agent=''
    rm -f "$sockets"/{ingest,admin}
}

stop_agent() {
    kill_agent
    rm -rf "$work/data"
}

# Exact; a tick is charged to whatever runs when the clock looks.
cpu_us() { # PID…: of all their threads
    local pid
    for pid in "$@"; do cat /proc/"$pid"/task/*/schedstat; done | awk '{ n += $1 } END { printf "%d", n / 1000 }'
}

load() { # SECONDS CONNECTIONS OUTSTANDING OPTIONS…: prints the line of JSON
    "$build/bin/holdfast-bench" frames --socket "$sockets/ingest" -c "$2" -o "$3" --server-pid "$agent" \
        --seconds "$1" "${@:4}"
}

delivered() { # by the first endpoint
    "$build/bin/holdfast" --socket "$sockets/admin" --json status |
        grep -oE '"delivered": *[0-9]+' | head -n 1 | grep -oE '[0-9]+$'
}
