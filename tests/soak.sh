#!/usr/bin/env bash
# Many nights in a row: memory and file handles stay where they are.
#   tests/soak.sh [NIGHTS] [MUSTER]             all nights in one process, `muster backfill`
#   tests/soak.sh --daemon [NIGHTS] [MUSTER]    by `muster serve`, which was away for as many nights and catches all of them up, asked for its
#                                               metrics all the while; each night is a child of it, and letters and alarms are its own work
# 200 nights of target/debug/muster unless said otherwise. Prints nights, resident memory, open files and threads at ten points or more;
# fails when the last quarter needs an eighth more memory, or eight files more, than the second.
set -euo pipefail
daemon=
if [ "${1:-}" = --daemon ]; then daemon=1; shift; fi
nights=${1:-200}
muster=$(realpath "${2:-$(dirname "$0")/../target/debug/muster}")
city=$(mktemp -d)
process=
trap '[ -z "$process" ] || kill "$process" 2>/dev/null || true; rm -rf "$city"' EXIT
cd "$city"

# The smallest city: a payroll, a register of deaths, one ghost; two rules.
mkdir -p config/departments mappings rules finance police
feed() { # department, table, columns of the mapping
  printf 'name = "%s"\ntitle = { zh = "%s", en = "%s" }\nmapping = "%s"\n[source.main]\nkind = "csv"\nfolder = "%s"\nencoding = "utf-8"\nsettle_seconds = 0\n' \
    "$1" "$1" "$1" "$1" "$1" >"config/departments/$1.toml"
  printf 'title = { zh = "%s", en = "%s" }\n[[feed]]\nfills = "%s"\ntable = "%s.csv"\n[feed.columns]\n%s\n' "$1" "$1" "$2" "$2" "$3" >"mappings/$1.toml"
}
feed finance payment 'id_number = { from = "id_number" }
name = { from = "name" }
unit_code = { from = "unit_code" }
month = { from = "month" }
kind = { from = "kind" }
gross_fen = { from = "gross_fen", money = "fen" }'
feed police death 'id_number = { from = "id_number" }
name = { from = "name" }
died_on = { from = "died_on" }'
{
  echo id_number,name,unit_code,month,kind,gross_fen
  for month in 01 02 03 04 05 06; do
    echo "33068319750220222X,王桂兰,U1,2026$month,salary,543210"
    echo "330683198207032242,董秀峰,U1,2026$month,salary,500000"
  done
} >finance/payment.csv
printf 'id_number,name,died_on\n33068319750220222X,王桂兰,2026-02-03\n' >police/death.csv
printf 'city = { zh = "测试市", en = "Test city" }\nregion = "330683"\n' >config/muster.toml
"$muster" rules --config config/muster.toml --json | grep -o '"id": "[A-Z][0-9]*"' | cut -d'"' -f4 | sort -u | grep -vx -e G01 -e Q01 |
  while read -r rule; do printf '[%s]\noff = "a soak needs few rules"\n' "$rule"; done >config/rules.toml
export MUSTER_KEY="hash $(head -c 32 /dev/urandom | base64),seal $(head -c 32 /dev/urandom | base64)"

if [ -n "$daemon" ]; then
  # Readers and a mail server that is not there: letters are queued, tried, and tried again.
  sed -i '1i reviewers = ["finance@city.example"]' config/departments/finance.toml
  listen=127.0.0.1:$((20000 + $$ % 20000))
  printf '[mail]\nhost = "127.0.0.1"\nport = 9\ntls = "none"\nfrom = "muster@city.example"\noperators = ["ops@city.example"]\n' >>config/muster.toml
  printf '[schedule]\nzone = "UTC"\nnight = "00:00"\ncatch_up = "all"\n[serve]\nlisten = "%s"\n' "$listen" >>config/muster.toml
  "$muster" status --config config/muster.toml >/dev/null
  # It last looked so many nights ago.
  python3 - "$(date -u -d "$nights days ago" +%FT%TZ)" <<'PYTHON'
import sqlite3, sys
store = sqlite3.connect("data/muster.db")
store.execute("insert into schedule_job (job, watermark) values ('night', ?)", (sys.argv[1],))
store.commit()
PYTHON
  "$muster" serve --tick-seconds 1 --config config/muster.toml >/dev/null 2>err.log &
else
  first=2026-07-01
  "$muster" backfill --from "$first" --to "$(date -d "$first + $((nights - 1)) days" +%F)" --config config/muster.toml --progress none >nights.log 2>err.log &
fi
process=$!
# How many nights are kept.
kept() {
  if [ -n "$daemon" ]; then
    curl -s "http://$listen/metrics" >metrics || true
    awk -F'[ "]' '/^muster_nights\{outcome="done"\}/ { print $NF; found = 1 } END { if (!found) print 0 }' metrics
  else
    grep -c '2026-\|2027-' nights.log || true
  fi
}
printf '%8s %9s %6s %8s\n' nights RSS-MiB files threads
step=$(((nights + 19) / 20))
next=$step
: >curve
touch nights.log
while kill -0 "$process" 2>/dev/null; do
  done_nights=$(kept)
  if [ "$done_nights" -ge "$next" ] && [ -r "/proc/$process/status" ]; then
    memory=$(awk '/^VmRSS/ { print $2 }' "/proc/$process/status")
    threads=$(awk '/^Threads/ { print $2 }' "/proc/$process/status")
    files=$(find "/proc/$process/fd" -mindepth 1 2>/dev/null | wc -l)
    [ -n "$memory" ] && echo "$done_nights $memory $files" >>curve
    [ -n "$memory" ] && awk -v n="$done_nights" -v m="$memory" -v f="$files" -v t="$threads" 'BEGIN { printf "%8d %9.1f %6d %8d\n", n, m / 1024, f, t }'
    next=$((next + step))
  fi
  [ -z "$daemon" ] || [ "$done_nights" -lt "$nights" ] || kill -TERM "$process"
  sleep 0.1
done
wait "$process" || { tail -5 err.log >&2; echo "the nights broke off" >&2; exit 1; }
if [ -n "$daemon" ]; then
  failed=$("$muster" history --rows 1000 --json --config config/muster.toml | grep -c '"outcome": "\(failed\|missed\|skipped\)"' || true)
  [ "$failed" = 0 ] || { echo "$failed nights failed, were missed or skipped" >&2; exit 1; }
else
  [ "$(grep -c '✓' nights.log)" = "$nights" ] || { tail -5 nights.log >&2; echo "not every night was kept with all feeds" >&2; exit 1; }
fi
# The greatest of each: memory and files move while a night is at work.
awk '{ memory[NR] = $2; files[NR] = $3 }
  END {
    if (NR < 8) { print "too few nights to say anything"; exit 1 }
    quarter = int(NR / 4)
    for (at = quarter + 1; at <= 2 * quarter; at++) { if (memory[at] > m1) m1 = memory[at]; if (files[at] > f1) f1 = files[at] }
    for (at = NR - quarter + 1; at <= NR; at++) { if (memory[at] > m2) m2 = memory[at]; if (files[at] > f2) f2 = files[at] }
    printf "second quarter: %.1f MiB, %d files; last quarter: %.1f MiB, %d files\n", m1 / 1024, f1, m2 / 1024, f2
    exit (m2 > m1 * 1.125 || f2 > f1 + 8)
  }' curve || { echo "memory or file handles grew" >&2; exit 1; }
