"""`muster link evaluate` beside Splink, on the same generated files and in one run: false and missed links, CPU seconds, peak memory.

    pip install splink pyarrow pandas
    python3 tests/peers/link/splink_beside.py target/release/muster
    python3 tests/peers/link/splink_beside.py target/release/muster --people 1000000 --sets plain

Each set is made by `muster bench link` (seed, damage), which also links and scores it. Splink gets the same Parquet files, a plain but fair model
(number, name with term frequency, birth date, sex, unit), the blocking rules that its manual recommends, u from random pairs and m by
expectation-maximisation; every record is linked to its best candidate, at 0.5 as usual and at 0.9 as `muster` does. "exact numbers" is the join that
everybody starts with. A peer that is not installed is named as missing, not left out.
"""

import argparse
import csv
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def muster(binary, folder, people, seed, name):
    command = [binary, "bench", "link", "--people", str(people), "--seed", str(seed), "--set", name, "--out", str(folder), "--json"]
    told = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    score = told["against_truth"]
    # Only the linking: the files are made in the same process before.
    return {"false": score["false_links"], "missed": score["missed"], "cpu": told["cpu_seconds"], "mib": told["peak_mib"]}


def truth(folder):
    with open(folder / "truth.csv", newline="") as file:
        return {(row["left"], row["right"]) for row in csv.DictReader(file) if row["left"]}


def exact(folder):
    import pyarrow.parquet as parquet

    left, right = (parquet.read_table(folder / f"{side}.parquet", columns=["key", "id_number"]).to_pydict() for side in ("left", "right"))
    by_id = {}
    for key, number in zip(left["key"], left["id_number"]):
        if number:
            by_id.setdefault(number, []).append(key)
    return {0.5: {(a, b) for b, number in zip(right["key"], right["id_number"]) for a in by_id.get(number, [])}}


def splink(folder):
    import pandas
    import splink.comparison_library as cl
    from splink import Linker, SettingsCreator, block_on
    from splink.backends.duckdb import DuckDBAPI

    api = DuckDBAPI()
    tables = []
    for side in ("left", "right"):
        rows = pandas.read_parquet(folder / f"{side}.parquet")
        tables.append(api.register(rows, dataset_display_name=f"people_{side}"))
    birth = "birth" in rows.columns
    comparisons = [
        cl.LevenshteinAtThresholds("id_number", [1, 2]),
        cl.JaroWinklerAtThresholds("name", [0.9, 0.7]).configure(term_frequency_adjustments=True),
        cl.ExactMatch("sex"),
        cl.ExactMatch("unit").configure(term_frequency_adjustments=True),
    ]
    blocking = [block_on("id_number"), block_on("name", "unit"), block_on("substr(id_number, 1, 14)")]
    if birth:
        comparisons.append(cl.LevenshteinAtThresholds("birth", [1, 2]))
        blocking += [block_on("name", "birth"), block_on("unit", "birth")]
    settings = SettingsCreator(
        link_type="link_only",
        unique_id_column_name="key",
        comparisons=comparisons,
        blocking_rules_to_generate_predictions=blocking,
    )
    linker = Linker(tables, settings)
    linker.training.estimate_probability_two_random_records_match([block_on("id_number")], recall=0.9)
    linker.training.estimate_u_using_random_sampling(max_pairs=2e6, seed=1)
    linker.training.estimate_parameters_using_expectation_maximisation(block_on("id_number"))
    linker.training.estimate_parameters_using_expectation_maximisation(block_on("name", "unit"))
    rows = linker.inference.predict(threshold_match_probability=0.5).as_pandas_dataframe()
    best = {}
    for left, right, probability in zip(rows["key_l"], rows["key_r"], rows["match_probability"]):
        if left.startswith("r"):
            left, right = right, left
        if probability > best.get(right, ("", 0.0))[1]:
            best[right] = (left, probability)
    return {at: {(left, right) for right, (left, sure) in best.items() if sure >= at} for at in (0.5, 0.9)}


PEERS = {"exact numbers": exact, "splink": splink}


def measure(name, folder):
    """A peer in a process of its own: its links, processor time of all its threads, the most memory it held."""
    code = f"import json, sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import splink_beside as it; it.child({name!r}, {str(folder)!r})"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    if out.returncode != 0:
        return None, (out.stderr.strip().splitlines() or ["it failed"])[-1]
    return json.loads(out.stdout.splitlines()[-1]), None


def child(name, folder):
    folder, start = Path(folder), time.process_time()
    quiet = os.dup(1)
    os.dup2(2, 1)
    found = PEERS[name](folder)
    cpu, pairs = time.process_time() - start, truth(folder)
    os.dup2(quiet, 1)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    told = {at: {"false": len(links - pairs), "missed": len(pairs - links), "cpu": cpu, "mib": peak} for at, links in found.items()}
    print(json.dumps(told))


def line(name, it):
    print(f"  {name:<24}{it['false']:>10,}{it['missed']:>10,}{it['cpu']:>10.1f}{it['mib']:>10,}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("muster")
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--sets", nargs="+", default=["plain", "hard", "nobirth"])
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as root:
        for name in args.sets:
            print(f"\n{name}: {args.people:,} people, seed {args.seed}")
            print(f"  {'':<24}{'false':>10}{'missed':>10}{'CPU s':>10}{'MiB':>10}")
            line("muster", muster(args.muster, Path(root), args.people, args.seed, name))
            folder = Path(root) / f"{name}-{args.people}-{args.seed}"
            for peer in PEERS:
                told, trouble = measure(peer, folder)
                if trouble:
                    print(f"  {peer:<24}missing: {trouble}")
                    continue
                for at, it in told.items():
                    line(peer if len(told) == 1 else f"{peer} at {at}", it)


if __name__ == "__main__":
    main()
