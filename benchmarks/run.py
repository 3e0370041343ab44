# SPDX-License-Identifier: Apache-2.0
"""Runs every group, each in a process of its own, prints one table and writes `results/<date>.json`.

Exits with 1 when a result was wrong, never because something was slow.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path

HERE = Path(__file__).parent
QUICK = ("counters", "errors", "observe", "none", "startup", "agent", "audit")
GROUPS = (*QUICK, "gaps", "memory")
SHOWN_PACKAGES = (
    "kairos-telemetry",
    "opentelemetry-sdk",
    "opentelemetry-exporter-otlp-proto-grpc",
    "grpcio",
    "pydantic",
)
HEADER = ("#", "what", "ours min", "median", "peer", "peer min", "median", "ratio", "target", "met")
LEFT = {0, 1, 4}


def main(arguments: list[str]) -> int:
    """Run the groups named in the arguments, or all."""
    flags = [each for each in arguments if each.startswith("-")]
    names = [each for each in arguments if not each.startswith("-")] or list(
        QUICK if "--quick" in flags else GROUPS
    )
    if not set(flags) <= {"--quick"} or not set(names) <= set(GROUPS):
        print(f"usage: run.py [--quick] [{'|'.join(GROUPS)}] ...", file=sys.stderr)
        return 2
    rows: list[dict[str, object]] = []
    wrong: list[str] = []
    for name in names:
        print(f"measuring {name} ...", file=sys.stderr)
        done = subprocess.run(
            [sys.executable, str(HERE / f"{name}.py"), *flags],
            stdout=subprocess.PIPE,
            text=True,
            check=False,
            env=_environment(),
        )
        if done.returncode:
            wrong.append(name)
        else:
            rows += json.loads(done.stdout)
    rows.sort(key=lambda row: int(str(row["id"])[1:]))
    print(table(rows))
    _write(rows, flags, wrong)
    for name in wrong:
        print(f"WRONG: {name} did not do what it should have; its error is above", file=sys.stderr)
    return 1 if wrong else 0


def table(rows: list[dict]) -> str:
    """The rows as text in columns."""
    cells = [HEADER, *(_cells(row) for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(HEADER))]

    def line(values: tuple[str, ...]) -> str:
        padded = (
            value.ljust(w) if i in LEFT else value.rjust(w)
            for i, (value, w) in enumerate(zip(values, widths, strict=True))
        )
        return "  ".join(padded).rstrip()

    return "\n".join(
        [line(HEADER), "  ".join("-" * w for w in widths), *(line(values) for values in cells[1:])]
    )


def _cells(row: dict) -> tuple[str, ...]:
    ours, peer = row["ours"], row["peer"]
    ratio = "" if row["ratio"] is None else f"{_figure(row['ratio'])}{row['ratio_unit']}"
    met = row["note"] if row["is_met"] is None else "yes" if row["is_met"] else "NO"
    unit, peer_name = row["unit"], row["peer_name"]
    return (
        row["id"],
        row["what"],
        *_timing(ours, unit),
        peer_name,
        *_timing(peer, unit),
        ratio,
        row["target"],
        met,
    )


def _timing(timing: dict | None, unit: str) -> tuple[str, str]:
    if timing is None:
        return "", ""
    scale = 1e6 if unit == "ms" else 1
    return f"{_figure(timing['min'] / scale)} {unit}", f"{_figure(timing['median'] / scale)} {unit}"


def _figure(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def _environment() -> dict[str, str]:
    """The environment without settings that would change what is measured."""
    return {key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "KAIROS_"))}


def _write(rows: list[dict[str, object]], flags: list[str], wrong: list[str]) -> None:
    now = dt.datetime.now(dt.UTC)
    results = HERE / "results"
    results.mkdir(exist_ok=True)
    path = results / f"{now:%Y-%m-%d}{'-quick' if '--quick' in flags else ''}.json"
    content = {
        "at": now.isoformat(timespec="seconds"),
        "machine": _machine(),
        "flags": flags,
        "wrong": wrong,
        "rows": rows,
    }
    path.write_text(json.dumps(content, indent=2) + "\n")
    print(
        f"\nwritten to {path.relative_to(HERE.parent)}; how to read it: benchmarks/README.md", file=sys.stderr
    )


def _machine() -> dict[str, object]:
    try:
        model = next(
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        )
    except (OSError, StopIteration):
        model = platform.processor()
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "load": os.getloadavg(),
        "system": f"{platform.system()} {platform.release()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "packages": {name: metadata.version(name) for name in SHOWN_PACKAGES},
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
