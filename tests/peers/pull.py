"""`muster bench pull` beside its peers, on the same rows and in one run: wall time, client CPU seconds, peak memory, and the ratio.

    pip install duckdb connectorx adbc-driver-postgresql pyarrow pandas polars openpyxl
    python3 tests/peers/pull.py target/release/muster --rows 5000000
    python3 tests/peers/pull.py target/release/muster --rows 200000 --kinds xlsx

PostgreSQL and MariaDB come from Debian's packages (postgresql, mariadb-server, psql) and run on free loopback ports below a folder of
their own until the script ends. A peer that is not installed is named as missing, not left out. SQL Server is pulled when
MUSTER_BENCH_SQLSERVER holds settings like "host=127.0.0.1 port=1433 ..." and a table `bench_pay` is filled there.

A peer is measured in a process of its own, from after its imports: processor time of all its threads, and the most memory it held.
"""

import argparse
import json
import os
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time

COLUMNS = "id, id_number, name, unit_code, unit_name, month, paid_on, kind, gross, deduction, net, days"
SELECT = f"SELECT {COLUMNS} FROM bench_pay"


# --- peers: each takes the place of the rows and gives how many came ---


def psql_copy(at):
    command = ["psql", at["url"], "-qc", f"COPY ({SELECT}) TO STDOUT (FORMAT binary)"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return at["rows"]


def connectorx_arrow(at):
    import connectorx

    return connectorx.read_sql(at["url"], SELECT, return_type="arrow").num_rows


def adbc_postgres(at):
    import adbc_driver_postgresql.dbapi as dbapi

    with dbapi.connect(at["url"]) as connection, connection.cursor() as cursor:
        cursor.execute(SELECT)
        return sum(batch.num_rows for batch in cursor.fetch_record_batch())


def counted(relation):
    """Rows of a DuckDB result, batch by batch; the method was renamed in DuckDB 2."""
    batches = getattr(relation, "to_arrow_reader", None) or relation.fetch_record_batch
    return sum(batch.num_rows for batch in batches(16384))


def duckdb_of(extension):
    def pull(at):
        import duckdb

        base = duckdb.connect(config={"threads": 2})
        base.execute(f"INSTALL {extension}; LOAD {extension}")
        base.execute(f"ATTACH '{at['duckdb']}' AS hub (TYPE {extension}, READ_ONLY)")
        return counted(base.execute(f"SELECT {COLUMNS} FROM hub.bench_pay"))

    return pull


def python_sqlite(at):
    import sqlite3

    cursor, rows = sqlite3.connect(at["file"]).execute(SELECT), 0
    while batch := cursor.fetchmany(16384):
        rows += len(batch)
    return rows


def openpyxl_read(at):
    import openpyxl

    sheet = openpyxl.load_workbook(at["file"], read_only=True).worksheets[0]
    return sum(1 for _ in sheet.iter_rows(values_only=True)) - 1


def polars_excel(at):
    import polars

    return polars.read_excel(at["file"], engine="calamine").height


def duckdb_csv(at):
    import duckdb

    base = duckdb.connect(config={"threads": 2})
    relation = base.execute(f"SELECT * FROM read_csv('{at['utf8']}', header = true, all_varchar = true)")
    return counted(relation)


def polars_csv(at):
    import polars

    return polars.read_csv(at["utf8"], infer_schema=False).height


def cat(at):
    subprocess.run(["cat", at["file"]], check=True, stdout=subprocess.DEVNULL)
    return at["rows"]


PEERS = {
    "postgres": {
        "psql COPY binary": psql_copy,
        "connectorx": connectorx_arrow,
        "adbc": adbc_postgres,
        "duckdb": duckdb_of("postgres"),
    },
    "mysql": {"connectorx": connectorx_arrow, "duckdb": duckdb_of("mysql")},
    "sqlite": {"connectorx": connectorx_arrow, "duckdb": duckdb_of("sqlite"), "python sqlite3": python_sqlite},
    "sqlserver": {},
    "xlsx": {"openpyxl read-only": openpyxl_read, "polars (calamine)": polars_excel},
    "csv": {"cat": cat, "duckdb (UTF-8)": duckdb_csv, "polars (UTF-8)": polars_csv},
}

PREPARE = {
    psql_copy: [],
    connectorx_arrow: ["connectorx", "pyarrow"],
    adbc_postgres: ["adbc_driver_postgresql.dbapi", "pyarrow"],
    python_sqlite: ["sqlite3"],
    openpyxl_read: ["openpyxl"],
    polars_excel: ["polars", "fastexcel"],
    duckdb_csv: ["duckdb", "pyarrow"],
    polars_csv: ["polars"],
    cat: [],
}


def measure(kind, name, at):
    """Runs in a process of its own; prints what the peer came to."""
    peer = PEERS[kind][name]
    for module in PREPARE.get(peer, ["duckdb", "pyarrow"]):
        __import__(module)
    used = lambda: sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    wall, cpu = time.perf_counter(), used()
    rows = peer(at)
    who = resource.RUSAGE_CHILDREN if peer in (psql_copy, cat) else resource.RUSAGE_SELF
    told = {
        "rows": rows,
        "seconds": time.perf_counter() - wall,
        "cpu_seconds": used() - cpu,
        "peak_mib": resource.getrusage(who).ru_maxrss // 1024,
    }
    print(json.dumps(told))


# --- servers ---


def free_port():
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        return it.getsockname()[1]


def wait_for(port, server):
    for _ in range(300):
        if server.poll() is not None:
            sys.exit("the server ended before it answered")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.2)
    sys.exit("the server did not answer within a minute")


def as_user(user):
    return ["runuser", "-u", user, "--"] if os.geteuid() == 0 else []


def own(folder, user):
    os.makedirs(folder)
    if os.geteuid() == 0:
        shutil.chown(folder, user, user)


def postgres(folder):
    found = [os.path.join("/usr/lib/postgresql", it, "bin") for it in sorted(os.listdir("/usr/lib/postgresql"))]
    bin_folder, data, port = found[-1], os.path.join(folder, "postgres"), free_port()
    own(data, "postgres")
    quiet = {"check": True, "stdout": subprocess.DEVNULL, "cwd": "/"}
    subprocess.run([*as_user("postgres"), f"{bin_folder}/initdb", "-D", data, "-U", "bench", "-A", "trust", "-E", "UTF8", "--no-sync"], **quiet)
    options = ["-c", f"port={port}", "-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={data}", "-c", "fsync=off"]
    server = subprocess.Popen([*as_user("postgres"), f"{bin_folder}/postgres", "-D", data, *options], stderr=subprocess.DEVNULL, cwd="/")
    wait_for(port, server)
    time.sleep(1)
    url = f"postgres://bench:bench@127.0.0.1:{port}/postgres"
    return server, {"url": url, "duckdb": f"host=127.0.0.1 port={port} user=bench password=bench dbname=postgres"}


def mariadb(folder):
    data, port = os.path.join(folder, "mariadb"), free_port()
    own(data, "mysql")
    user = ["--user=mysql"] if os.geteuid() == 0 else []
    install = ["mariadb-install-db", "--no-defaults", *user, f"--datadir={data}", "--auth-root-authentication-method=normal"]
    subprocess.run(install, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    where = [f"--datadir={data}", f"--port={port}", "--bind-address=127.0.0.1", f"--socket={data}/s", f"--pid-file={data}/pid"]
    lazy = ["--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=512M", "--plugin-maturity=experimental"]
    server = subprocess.Popen(["mariadbd", "--no-defaults", *user, *where, *lazy], stderr=subprocess.DEVNULL)
    wait_for(port, server)
    setup = "create database bench; create user bench@'127.0.0.1' identified by 'bench'; grant all on *.* to bench@'127.0.0.1'"
    subprocess.run(["mariadb", "--no-defaults", "-uroot", f"--socket={data}/s", "-e", setup], check=True)
    url = f"mysql://bench:bench@127.0.0.1:{port}/bench"
    return server, {"url": url, "duckdb": f"host=127.0.0.1 port={port} user=bench password=bench database=bench"}


# --- the table ---


def muster(binary, kind, rows, out, at):
    run = [binary, "bench", "pull", "--kind", kind, "--rows", str(rows), "--out", out, "--json"]
    if kind in ("postgres", "mysql"):
        run += ["--url", at["url"], "--set", "tls=off"]
    for setting in os.environ.get("MUSTER_BENCH_SQLSERVER", "").split() if kind == "sqlserver" else []:
        run += ["--set", setting]
    if kind == "sqlserver":
        run += ["--table", "bench_pay"]
    return json.loads(subprocess.run(run, check=True, stdout=subprocess.PIPE).stdout)


def line(name, told, ours):
    ratio = "" if told is ours else f"{ours['cpu_seconds'] / max(told['cpu_seconds'], 0.01):8.2f}"
    rate = told["rows"] / max(told["seconds"], 0.001)
    print(f"  {name:22} {told['seconds']:8.2f} s {rate:12,.0f}/s {told['cpu_seconds']:8.2f} s CPU {told['peak_mib']:7} MiB {ratio}")


def compare(binary, kind, rows, out, at):
    ours = muster(binary, kind, rows, out, at)
    print(f"\n{kind}: {ours['rows']:,} rows of 12 columns (last column: our CPU seconds as a share of theirs)")
    line("muster", ours, ours)
    if ours.get("alone"):
        line("the library alone", {**ours["alone"], "rows": rows}, ours)
    ending = {"sqlite": "db"}.get(kind, kind)
    at = {**at, "rows": rows, "file": os.path.abspath(os.path.join(out, f"pay-{rows}.{ending}"))}
    if kind == "sqlite":
        at |= {"url": f"sqlite://{at['file']}", "duckdb": at["file"]}
    if kind == "csv":
        at["utf8"] = at["file"] + ".utf8"
        if not os.path.exists(at["utf8"]):
            with open(at["file"], encoding="gb18030") as source, open(at["utf8"], "w", encoding="utf-8") as into:
                shutil.copyfileobj(source, into, 1 << 20)
    for name in PEERS[kind]:
        run = [sys.executable, __file__, "--peer", kind, name, json.dumps(at)]
        done = subprocess.run(run, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if done.returncode:
            print(f"  {name:22} did not run: {(done.stderr.strip().splitlines() or ['no reason'])[-1][:120]}")
            continue
        told = json.loads(done.stdout)
        line(name, told, ours)
        if told["rows"] != ours["rows"]:
            sys.exit(f"{name} read {told['rows']} rows, muster {ours['rows']}")


def main():
    if sys.argv[1] == "--peer":
        return measure(sys.argv[2], sys.argv[3], json.loads(sys.argv[4]))
    parser = argparse.ArgumentParser()
    parser.add_argument("muster")
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--kinds", nargs="+", default=["postgres", "mysql", "sqlite", "csv", "xlsx"], choices=list(PEERS))
    parser.add_argument("--out", default="target/bench-pull")
    args = parser.parse_args()
    servers = {"postgres": postgres, "mysql": mariadb}
    with tempfile.TemporaryDirectory(prefix="muster-peers-") as folder:
        os.chmod(folder, 0o755)
        for kind in args.kinds:
            rows = min(args.rows, 200_000) if kind == "xlsx" else args.rows
            server, at = servers[kind](folder) if kind in servers else (None, {})
            try:
                compare(args.muster, kind, rows, args.out, at)
            finally:
                if server:
                    server.terminate()
                    server.wait(60)


if __name__ == "__main__":
    main()
