"""The joins and rules of `muster bench night` in DuckDB, on the same files, in one run; prints seconds and the ratio.

    pip install duckdb
    python3 tests/peers/night.py target/release/muster 200000 12

What is compared is the way from landed Parquet to findings. Both sides link people by ID number over all feeds, compute who was paid,
insured and on the register in which month, and answer the same questions. The hub does more on the way: it opens sealed files, repairs
numbers, checks names, renders evidence in two languages and folds cases. Two ratios are printed: of the same questions, and of all rules
that the hub runs in such a night to the few that are asked here.
"""

import json
import os
import subprocess
import sys
import time

import duckdb

QUESTIONS = {
    "G01": """select p.who, p.month from payment p join (select who, min(died_on) died_on from death group by who) d using (who)
              where p.kind = '01' and p.month > year(died_on) * 100 + month(died_on) + 1""",
    "G03": """select p.who, p.month from payment p join employment e using (who)
              where e.end_reason = '31' and p.kind = '01' and p.month > year(e.end_on) * 100 + month(e.end_on)""",
    "G04": """select p.who, p.month from payment p join employment e using (who)
              where e.end_reason = '41' and p.kind = '01' and p.month > year(e.end_on) * 100 + month(e.end_on) + 1""",
    "G06": """select who, min(month), sum(gross_fen) from payment where kind = '01'
              and who not in (select who from establishment) and who not in (select who from employment) group by who""",
    "G07": """select who, count(*) from payment where kind = '01' and who in (select who from establishment)
              and who not in (select who from employment) group by who""",
    "G08": """select who from establishment where exited_on is null and who not in (select who from payment where month >= 202608)
              and who not in (select who from contribution where month >= 202608) and who not in (select who from employment)""",
    "G13": """select p.who, p.month from payment p join pension n on n.who = p.who and n.month = p.month where p.kind = '01'""",
    "D01": """select who, month from payment where kind = '01' group by who, month having count(distinct unit_code) > 1""",
    "D09": """select who, month, gross_fen from payment where kind = '01' group by who, month, unit_code, gross_fen having count(*) > 1""",
    "P01": """select a.who, a.month from attendance a join payment p on p.who = a.who and p.month = a.month
              where a.absent_days > 15 and a.who not in (select who from leave where returned_on is null)""",
    "P03": """select l.who from leave l where l.returned_on is null and l.to_on < date '2026-10-01'
              and l.who in (select who from payment where month = 202610)""",
    "P04": "select who from secondment where returned_on is null and to_on < date '2026-10-01'",
    "P13": """select p.who, p.month from payment p join contribution c on c.who = p.who and c.month = p.month
              where p.kind = '01' and c.scheme = '110'""",
    "E01": """select unit_code, actual, amount from quota join
              (select unit_code, count(*) actual from establishment where exited_on is null group by unit_code) using (unit_code)
              where actual > amount""",
    "T02": "select who from employment e join establishment s using (who) where e.end_on is not null and s.exited_on is null",
    "presence": """select count(*) from (select who, month, max(paid), max(insured) from
              (select who, month, 1 paid, 0 insured from payment union all select who, month, 0, 1 from contribution)
              group by who, month)""",
}

PEOPLE = ["establishment", "employment", "payment", "contribution", "pension", "death", "movement", "attendance", "leave", "secondment"]


def duck(source: str) -> float:
    base = duckdb.connect()
    base.execute("set threads = 2")
    base.execute("set memory_limit = '2GB'")
    start = time.perf_counter()
    files = {it: f"read_parquet('{source}/{it}{'-*' if it in ('payment', 'contribution') else ''}.parquet')" for it in PEOPLE + ["quota"]}
    numbers = " union all ".join(f"select id_number from {files[it]}" for it in PEOPLE)
    base.execute(f"create table person as select row_number() over () as who, id_number from (select distinct id_number from ({numbers}))")
    for table in PEOPLE:
        base.execute(f"create table {table} as select p.who, t.* exclude (id_number) from {files[table]} t join person p using (id_number)")
    base.execute(f"create table quota as select * from {files['quota']}")
    for rule, sql in QUESTIONS.items():
        print(f"  duckdb {rule:9} {len(base.execute(sql).fetchall()):8} rows")
    return time.perf_counter() - start


def main() -> None:
    muster, people, months = sys.argv[1], sys.argv[2], sys.argv[3]
    out = os.path.join("target", "bench-night")
    run = [muster, "bench", "night", "--people", people, "--months", months, "--out", out, "--json"]
    told = json.loads(subprocess.run(run, check=True, stdout=subprocess.PIPE).stdout)
    for (stage, seconds), (_, mib) in zip(told["seconds_by_stage"], told["peak_mib_by_stage"]):
        print(f"  muster {stage:9} {seconds:8.1f} s {mib:6} MiB")
    ours = told["seconds_to_findings"]
    others = sum(seconds for rule, seconds in told["seconds_by_rule"] if rule not in QUESTIONS)
    theirs = duck(os.path.join(out, f"{people}x{months}", "source"))
    print(f"peak of muster {told['peak_mib']} MiB; DuckDB {theirs:.1f} s")
    print(f"the same {len(QUESTIONS) - 1} rules: muster {ours - others:.1f} s to findings, ratio {(ours - others) / theirs:.2f}")
    print(f"all {told['rules']} rules:      muster {ours:.1f} s to findings, ratio {ours / theirs:.2f}")


if __name__ == "__main__":
    main()
