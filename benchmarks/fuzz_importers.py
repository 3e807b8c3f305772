"""What importers do with thousands of files of labels that something was done to, in every format that can be imported.

    make fuzzers        # or: python benchmarks/fuzz_importers.py [--count 600] [--seed 0] [--atheris PYTHON]

The strategy and the law are those of `tests/formats/mutated.py` and `mutated_law.py`, of which CI tries a few. Each
format has a process of its own, which may take 500 MB beyond its libraries. With --atheris, the interpreter of an
environment that has it, inputs are also chosen by what they reach in the readers, for --seconds a format. Gates:

    crashes    none: each process ends by itself
    failures   none: nothing raised but VeasonErrors in words, nothing opened outside, nothing lost or made up
    memory     no MemoryError within the bound
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import sysconfig
from collections import Counter
from pathlib import Path
from typing import Any

from report import write_result
from timing import machine_load

from veason.formats.catalogue import IMPORTABLE

ROOT = Path(__file__).parent.parent
MOST_MB = 500


def fuzz(format: str, count: int, seed: int) -> dict[str, Any]:
    """Try so many inputs of a format in this process; return the outcomes and failures."""
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis import seed as with_seed
    from hypothesis import strategies as st

    from tests.formats.mutated import mutated, seeds
    from tests.formats.mutated_law import check_mutated, own
    from tests.hostile.run import bound_memory, memory_mb

    outcomes: Counter[str] = Counter()
    seeds(format)
    own()

    @with_seed(seed)
    @settings(
        max_examples=count, deadline=None, database=None, suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink], print_blob=False,
    )  # fmt: skip
    @given(files=mutated(format), is_kept=st.integers(0, 9))
    def holds(files: dict[str, bytes], is_kept: int) -> None:
        outcomes[check_mutated(format, files, is_kept=is_kept == 0)] += 1

    bound_memory()
    before_mb, failures = memory_mb("VmRSS"), list[str]()
    try:
        holds()
    except Exception as error:  # noqa: BLE001  # that is what is looked for
        found = error.exceptions if isinstance(error, ExceptionGroup) else [error]
        failures = [f"{type(one).__name__}: {str(one)[:500]}" for one in found]
    grown = round(memory_mb("VmHWM") - before_mb)
    return {"tried": outcomes.total(), "outcomes": dict(outcomes), "failures": failures, "grown_mb": grown}


def steer(format: str, seconds: int) -> None:
    """Let atheris choose inputs by what they reach, for so long; a failure ends this process with a trace."""
    import atheris

    with atheris.instrument_imports(include=["veason.formats"]):
        import veason.formats.importing
    from hypothesis import HealthCheck, given, settings
    from hypothesis import strategies as st

    from tests.formats.mutated import mutated, seeds
    from tests.formats.mutated_law import check_mutated, own

    assert veason.formats.importing
    seeds(format)
    own()

    @settings(deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(files=mutated(format), is_kept=st.integers(0, 99))
    def holds(files: dict[str, bytes], is_kept: int) -> None:
        check_mutated(format, files, is_kept=is_kept == 0)

    options = [
        f"-max_total_time={seconds}",
        "-rss_limit_mb=1500",
        "-max_len=4096",
        "-verbosity=0",
        "-print_final_stats=1",
    ]
    atheris.Setup([sys.argv[0], *options], holds.hypothesis.fuzz_one_input)
    atheris.Fuzz()


def steered(format: str, python: str, seconds: int) -> dict[str, Any]:
    """Let another interpreter steer, with the libraries of this one; return how many inputs, and why one failed."""
    paths = [str(ROOT), str(ROOT / "benchmarks"), sysconfig.get_paths()["purelib"]]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    command = [python, __file__, "--steer", format, "--seconds", str(seconds)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    executed = [line.split(":")[-1].strip() for line in done.stderr.splitlines() if "number_of_executed_units" in line]
    failures = [] if done.returncode == 0 else done.stderr.splitlines()[-12:]
    return {"steered": int(executed[0]) if executed else 0, "failures": failures}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=600, help="inputs of each format (%(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--formats", nargs="+", default=list(IMPORTABLE), choices=IMPORTABLE)
    parser.add_argument("--atheris", metavar="PYTHON", help="an interpreter whose environment has atheris")
    parser.add_argument("--seconds", type=int, default=30, help="for what atheris chooses, a format (%(default)s)")
    parser.add_argument("--only", choices=IMPORTABLE, help=argparse.SUPPRESS)
    parser.add_argument("--steer", choices=IMPORTABLE, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    if arguments.steer:
        steer(arguments.steer, arguments.seconds)
        return
    if arguments.only:
        print(json.dumps(fuzz(arguments.only, arguments.count, arguments.seed)))
        return
    found, formats = machine_load(), {}
    for format in arguments.formats:
        command = [sys.executable, __file__, "--only", format, "--count", str(arguments.count)]
        done = subprocess.run([*command, "--seed", str(arguments.seed)], capture_output=True, text=True, check=False)
        ended = {"failures": [f"ended with {done.returncode}", *done.stderr.splitlines()[-5:]]}
        formats[format] = json.loads(done.stdout) if done.returncode == 0 else ended
        if arguments.atheris:
            more = steered(format, arguments.atheris, arguments.seconds)
            formats[format] |= {"steered": more["steered"], "failures": formats[format]["failures"] + more["failures"]}
        print(format, formats[format], flush=True)
    tried = sum(one.get("tried", 0) + one.get("steered", 0) for one in formats.values())
    values = {**found, "count": arguments.count, "seed": arguments.seed, "tried": tried, "formats": formats}
    print("->", write_result("fuzz-importers", values))
    if any(one["failures"] or one.get("grown_mb", 0) >= MOST_MB for one in formats.values()):
        raise SystemExit("gate failed: see failures above")


if __name__ == "__main__":
    main()
