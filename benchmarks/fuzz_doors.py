"""What a public server says to some thousand requests that make no sense, through every door that gradio has.

    make fuzzers        # or: python benchmarks/fuzz_doors.py PYTHON [--seconds 60] [--seed 0]

PYTHON is that of an environment with schemathesis. The client sends a list of hostile requests, and what schemathesis
makes of both OpenAPI schemas of the server. Gates:

    crashes    none: the server answers in the end
    words      no answer of 500 or more but 503 and 507 in words, no traceback, no file or folder of the server
    memory     the server's most is at most 500 MB above what it took before
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
from report import write_result
from timing import machine_load

ROOT = Path(__file__).parent.parent
MOST_MB = 500.0


def serve_here(folder: Path, port: int) -> None:
    """Serve visitors with everything that a server may offer them; does not return."""
    from veason.studio.server.app import serve
    from veason.studio.server.deployment import Deployment
    from veason.studio.server.settings import Settings

    settings = Settings(policy="scripted", segmenter="nano", visitors=folder)
    deployment = Deployment(has_mcp=True, has_metrics=True)
    serve(settings, host="127.0.0.1", port=port, open_browser=False, deployment=deployment)


def memory_mb(pid: int, name: str) -> float:
    """Return a size that the kernel tells of a process, such as VmRSS, or VmHWM for the most."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1000 for line in lines if line.startswith(f"{name}:"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("python", help="of an environment with schemathesis")
    parser.add_argument("--seconds", type=float, default=60.0, help="for what schemathesis makes (%(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--port", type=int, default=7872)
    arguments = parser.parse_args()
    found, url = machine_load(), f"http://127.0.0.1:{arguments.port}"
    with tempfile.TemporaryDirectory() as name:
        program = f"import fuzz_doors, pathlib; fuzz_doors.serve_here(pathlib.Path({name!r}), {arguments.port})"
        paths = f"{ROOT}:{ROOT / 'benchmarks'}"
        server = subprocess.Popen(
            ["env", f"PYTHONPATH={paths}", sys.executable, "-c", program], stdout=subprocess.DEVNULL
        )
        try:
            for _ in range(600):
                try:
                    httpx.get(f"{url}/config", timeout=5).raise_for_status()
                    break
                except httpx.HTTPError:
                    time.sleep(0.2)
            before = memory_mb(server.pid, "VmRSS")
            client = [str(ROOT / "benchmarks" / "fuzz_doors_client.py"), url, str(arguments.seconds)]
            told = subprocess.run(
                [arguments.python, *client, str(arguments.seed), "root:x:0", name], capture_output=True, check=True
            )
            sizes = {"before_mb": before, "most_mb": memory_mb(server.pid, "VmHWM")}
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(60)
    values = {**found, "seconds": arguments.seconds, "seed": arguments.seed, **json.loads(told.stdout), **sizes}
    print(json.dumps(values, indent=1))
    print("->", write_result("fuzz-doors", values))
    if values["failures"] or not values["is_alive"] or sizes["most_mb"] - before > MOST_MB:
        raise SystemExit("gate failed: see failures, is_alive and most_mb above")


if __name__ == "__main__":
    main()
