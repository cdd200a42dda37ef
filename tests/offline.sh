#!/usr/bin/env bash
# The tests where nothing can be reached but this machine itself: a network name space with a loopback and no route. What passes there
# reaches out to no address that is not of this machine.
#   tests/offline.sh [ARGUMENTS OF cargo test]      the whole suite, or e.g. -p muster --test mail
#   tests/offline.sh BINARY...                      test binaries of the package muster that are built already, e.g. target/debug/deps/mail-…
# What the tests need must be there (./test installs it); needs root, for the name space.
set -euo pipefail
if ! why=$(unshare --net ip link set lo up 2>&1); then
  echo "cannot run: a network name space is not to be had here (run as root, with util-linux and iproute2): $why" >&2
  exit 2
fi
binaries=()
if [ $# -gt 0 ] && [ -x "$1" ] && [ ! -d "$1" ]; then
  for binary in "$@"; do binaries+=("$(realpath "$binary")"); done
fi
cd "$(dirname "$0")/.."
[ $# -gt 0 ] || set -- --workspace
[ ${#binaries[@]} -gt 0 ] || cargo test --locked --no-run "$@"
# shellcheck disable=SC2016
inside='
  ip link set lo up
  [ -z "$(ip route show)$(ip -6 route show | grep -v "dev lo")" ] || { echo "there is a route out of here" >&2; exit 1; }
  ! timeout 3 bash -c "exec 3<>/dev/tcp/192.0.2.1/80" 2>/dev/null || { echo "something answers from outside" >&2; exit 1; }
'
if [ ${#binaries[@]} -gt 0 ]; then
  exec unshare --net bash -euc "$inside"'
    failed=0
    for binary in "$@"; do
      echo "offline: $(basename "$binary")"
      CARGO_MANIFEST_DIR=$PWD "$binary" || { failed=1; echo "offline: $(basename "$binary") FAILED" >&2; }
    done
    exit $failed' offline "${binaries[@]}"
fi
exec unshare --net bash -euc "$inside"'
  exec cargo test --locked --offline "$@"' offline "$@"
