"""A batch on Ray whose actors, driver, node and disk fail, against one undisturbed process.

    .engine-ray/bin/python benchmarks/bench_batch_faults.py --clips 300

Short clips of the rendered world are asked about with the embedded models by `veason batch` on a Ray cluster of two
nodes on this machine. Meanwhile actors are killed at random, the driver is killed twice, one node is taken away and
another one added, and the disk of the results fills up (a tmpfs, which takes the right to mount). Killed are only
processes of this cluster. Every result has to be there once, and equal byte for byte.
Results go to benchmarks/results/.
"""

from __future__ import annotations

import argparse
import csv
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from report import write_result

os.environ |= {"RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0"}
ROOT = Path(__file__).parent.parent
KILL_EVERY_S = (25.0, 50.0)
TMPFS_MB = 24
TABLES = ("answers.parquet", "masks.parquet", "masks.zip")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="where clips and results lie (default: a temporary one)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.folder or Path(temporary)
        clips = draw_clips(folder / "clips", args.clips)
        plain_s = undisturbed(clips, folder)
        with small_disk(folder / "disk") as disk:
            values = disturbed(clips, disk / "out", folder, random.Random(args.seed))
            same = compare(folder / "plain", disk / "out")
    values |= {"clips": args.clips, "one_process_s": plain_s, **same}
    print(values)
    print(write_result("batch-faults", values))


def undisturbed(clips: Path, folder: Path) -> int:
    """Run the batch in one process and return its seconds; with --folder, a run that ended is not done again."""
    told = folder / "plain.seconds"
    if not told.exists():
        started = time.monotonic()
        run(command(clips, folder / "plain", "--threads", "1"), folder / "plain.log")
        told.write_text(str(round(time.monotonic() - started)))
    print(f"one process: {told.read_text()} s", flush=True)
    return int(told.read_text())


def draw_clips(folder: Path, number: int) -> Path:
    """Write clips of eight frames with one question each, and the list of them; what is there already stays."""
    from veason.video import VideoWriter
    from veason_nano.dataset import choose_questions, draw_scene
    from veason_nano.world.footage import DrawnVideo

    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for place in range(number):
        scene = draw_scene("test", 20, place, 16)
        size_wh = (round(72 * scene.aspect) * 2, 144)
        file = folder / f"clip{place:03d}.mp4"
        if not file.exists():
            drawn = DrawnVideo(scene, size_wh)
            with VideoWriter(file, size_wh, 8) as writer:
                for frame in range(0, 16, 2):
                    writer.write(drawn.frame(frame))
        rows.append({"video": file.name, "instruction": choose_questions(scene, 1)[0].text})
    with (folder / "questions.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, ["video", "instruction"])
        writer.writeheader()
        writer.writerows(rows)
    return folder


def command(clips: Path, out: Path, *more: str) -> list[str]:
    """Return `veason batch` about the clips."""
    return [
        sys.executable, "-m", "veason", "batch", str(clips), "--instructions", str(clips / "questions.csv"),
        "--out", str(out), "--policy", "nano", "--segmenter", "nano", "--masks-zip", *more,
    ]  # fmt: skip


def start(words: list[str], log: Path) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with log.open("ab") as stream:
        return subprocess.Popen(words, stdout=stream, stderr=stream, env=environment, start_new_session=True)


def run(words: list[str], log: Path) -> None:
    if start(words, log).wait():
        raise SystemExit(f"{' '.join(words)} failed: see {log}")


@contextmanager
def small_disk(place: Path) -> Iterator[Path]:
    """Give a folder on a small disk of its own, if this user may mount one."""
    place.mkdir(parents=True, exist_ok=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={TMPFS_MB}m", "tmpfs", str(place)], check=False)
    try:
        yield place
    finally:
        if mounted.returncode == 0:
            subprocess.run(["umount", str(place)], check=True)


def disturbed(clips: Path, out: Path, folder: Path, rng: random.Random) -> dict[str, Any]:
    """Run the batch through all that can fail, and return what was done to it."""
    from ray.cluster_utils import Cluster

    total = len(list(clips.glob("*.mp4")))
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 4, "include_dashboard": False})
    node = cluster.add_node(num_cpus=2)
    words = command(clips, out, "--engine", "ray", "--address", cluster.address, "--policy-workers", "2")
    done: dict[str, Any] = {"actors_killed": 0, "drivers_killed": 0, "nodes_lost": 0, "disk_full": 0}
    log = folder / "ray.log"
    started = time.monotonic()
    next_kill = started + KILL_EVERY_S[1]
    driver = start(words, log)
    ballast = out.parent / "ballast"
    try:
        while True:
            time.sleep(0.5)
            share = kept(out) / total
            if done["drivers_killed"] < 2 and share >= (0.15, 0.35)[done["drivers_killed"]]:
                os.kill(driver.pid, signal.SIGKILL)
                driver.wait()
                done["drivers_killed"] += 1
                print(f"{share:.0%}: the driver is killed", flush=True)
                driver = start(words, log)
            elif not done["nodes_lost"] and share >= 0.5:
                cluster.remove_node(node, allow_graceful=False)
                done["nodes_lost"] += 1
                print(f"{share:.0%}: a node is lost, another one comes", flush=True)
                node = cluster.add_node(num_cpus=2)
            elif not done["disk_full"] and share >= 0.7 and os.path.ismount(out.parent):
                fill(ballast)
                code = driver.wait(timeout=300)
                told = log.read_text(errors="replace").strip().splitlines()[-1]
                if code != 2 or "No space left" not in told:
                    raise SystemExit(f"a full disk ended it with {code}: {told}")
                done["disk_full"] += 1
                done["disk_full_told"] = told.replace(str(out), "OUT")
                print(f"{share:.0%}: {told}", flush=True)
                ballast.unlink()
                driver = start(words, log)
            elif driver.poll() is not None:
                break
            elif time.monotonic() >= next_kill:
                done["actors_killed"] += kill_an_actor([cluster.head_node, node], rng)
                next_kill = time.monotonic() + rng.uniform(*KILL_EVERY_S)
        if driver.returncode:
            raise SystemExit(f"the batch ended with {driver.returncode}: see {log}")
        return {**done, "disturbed_s": round(time.monotonic() - started)}
    finally:
        if driver.poll() is None:
            driver.kill()
        cluster.shutdown()


def kept(out: Path) -> int:
    return sum(1 for _ in out.glob("results/*/*.json"))


def fill(ballast: Path) -> None:
    """Write until the disk has no room for another result."""
    with ballast.open("wb", buffering=0) as stream:
        for size in (1 << 20, 1 << 12):
            try:
                while stream.write(b"x" * size):
                    pass
            except OSError:
                continue


def kill_an_actor(nodes: list[Any], rng: random.Random) -> int:
    """Kill one of the actors that the nodes run, of whatever stage, and return how many were killed."""
    raylets = [info.process.pid for node in nodes for info in node.all_processes.get("raylet", ())]
    children = [child for pid in raylets if psutil.pid_exists(pid) for child in psutil.Process(pid).children(True)]
    actors = []
    for child in children:
        try:
            title = " ".join(child.cmdline())
        except psutil.Error:
            continue
        if title.startswith(("ray::MapWorker", "ray::_Ledger")):
            actors.append((child, title))
    if not actors:
        return 0
    chosen, title = rng.choice(sorted(actors, key=lambda one: one[0].pid))
    print(f"an actor is killed: {title[:60]}", flush=True)
    chosen.kill()
    return 1


def compare(plain: Path, out: Path) -> dict[str, Any]:
    """Return how many results there are, and how many equal those of one process byte for byte."""
    wanted = {file.name: file.read_bytes() for file in plain.glob("results/*/*.json")}
    found = {file.name: file.read_bytes() for file in out.glob("results/*/*.json")}
    litter = [file.name for file in out.rglob("*") if file.is_file() and file.name.startswith(".")]
    return {
        "results": len(found),
        "wanted": len(wanted),
        "equal": sum(found.get(name) == content for name, content in wanted.items()),
        "equal_tables": [name for name in TABLES if (plain / name).read_bytes() == (out / name).read_bytes()],
        "half_written": litter,
    }


if __name__ == "__main__":
    main()
