#!/usr/bin/env bash
# The tests where nothing can be reached but this machine itself: a network name space with a loopback and no route.
#   tests/offline.sh [ARGUMENTS OF cargo test]      the whole suite, or e.g. -p muster --test mail
# What the tests need must be there (./test installs it); needs root, for the name space.
set -euo pipefail
cd "$(dirname "$0")/.."
[ "$(id -u)" = 0 ] || { echo "run as root: a network name space needs it" >&2; exit 1; }
[ $# -gt 0 ] || set -- --workspace
cargo test --locked --no-run "$@"
exec unshare --net bash -euc '
  ip link set lo up
  [ -z "$(ip route show)$(ip -6 route show | grep -v "dev lo")" ] || { echo "there is a route out of here" >&2; exit 1; }
  exec cargo test --locked --offline "$@"' offline "$@"
