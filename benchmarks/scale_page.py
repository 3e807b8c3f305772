"""Write docs/how-to/scale.md: what a batch costs past one machine, from the newest committed measurements.

    python benchmarks/scale_page.py

Every figure is read from a result or computed from one by the model that the page tells; none is typed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from results_page import newest

PAGE = Path(__file__).parent.parent / "docs" / "how-to" / "scale.md"
SIZES = (1_000, 100_000, 10_000_000)
CORES_A_MACHINE = 16
"""Of the machines that the table counts with."""

READS = 3
"""How often a clip of a store is read: for its digest, by the policy's worker, by the segmenter's."""

STAGES = {
    "digest": "read and digest", "decode": "decode all frames once", "policy": "policy, with the frames it is shown",
    "segmenter": "segmenter, with all frames", "keep": "keep the result",
    "tables": "tables, with loading pyarrow once", "zip": "`--masks-zip`",
    "queue": "`--project`",
}  # fmt: skip

HEAD = """# Past one machine

One machine is enough for as long as you are ready to wait: `veason batch` goes on where it stopped, and the same
command on another machine with the same disk helps. This page tells what a clip costs, what a cluster makes of it,
and where that stops scaling. It is written by `benchmarks/scale_page.py` from files in `benchmarks/results`;
nothing in it is typed.

## Start it

```sh
make engine-ray                                                   # or: pip install "veason[ray,stores]"
veason batch clips --instructions questions.csv --out out --engine ray --workers 2
```

The second line starts Ray on this machine and ends it again. On a cluster, give the address: `--address auto` on
one of its machines. `deploy/kuberay-batch.yaml` of a checkout is a job for KubeRay, with
`deploy/ray.Dockerfile` for its image; a test holds both to the operator's fields and to our own options.

`veason eval --engine ray` shares an evaluation in the same way; dataset and `--out` have to lie on a disk that all
machines see. What comes out, and what happens when
something dies: [label many clips](../tutorials/label-many-clips.md).
"""


def stage_lines(values: Mapping[str, Any]) -> Iterator[str]:
    """Yield the table of what each stage costs."""
    stages = values["stages"]
    yield f"""
## What a clip costs

{values["clips"]} clips of the rendered world with {stages["frames"]:.0f} frames of 144 lines and one question each
({stages["clip_bytes"] / 1000:.0f} kB, {stages["masks"]:.0f} masks, {stages["result_bytes"] / 1000:.1f} kB of
result), the embedded models, one thread, processor seconds:

| stage | seconds a clip |
|---|---:|"""
    for name, what in STAGES.items():
        yield f"| {what} | {stages[f'{name}_s']:.4f} |"
    yield """
The published models were not measured: no GPU was at hand. Measure yours
with the last line that `veason batch` prints (seconds of policy and segmenter over all workers), and put it into
the model below.
"""


def run_lines(values: Mapping[str, Any]) -> Iterator[str]:
    """Yield the runs that the model is held against."""
    stages = values["stages"]
    yield f"""## Held against runs

The model says {clip_cost(stages):.2f} processor seconds a clip, whatever the number of workers. Two cores, which
other work shared meanwhile (load {min(run["load"] for run in values["runs"]):.0f} to \
{max(run["load"] for run in values["runs"]):.0f}), so that
clips an hour say little and processor seconds more. With Ray, each number is that of the actors of both stages.

| engine | workers | start, s | clips an hour, by the clock | processor seconds a clip | against the model |
|---|---:|---:|---:|---:|---:|"""
    for run in values["runs"]:
        cost = run["processor_s_a_clip"]
        yield (
            f"| {run['engine']} | {run['workers']} | {run['start_s']:.0f} | {run['clips_an_hour']:,} | {cost:.2f} | "
            f"{cost / clip_cost(stages):.2f} |"
        )
    empty, costs = (
        values["empty"],
        {(run["engine"], run["workers"]): run["processor_s_a_clip"] for run in values["runs"]},
    )
    pairs = [
        (workers, costs["ray", workers] / cost - 1) for (engine, workers), cost in costs.items() if engine == "local"
    ]
    told = ", ".join(f"{100 * more:+.0f} % with {workers}" for workers, more in pairs)
    yield f"""
Ray against processes, in processor seconds a clip: {told}. Ray alone, with {empty["items"]:,} items on which
nothing is done, uses {1000 * empty["processor_s_an_item"]:.0f} ms of processor an item, of which
{1000 * empty["of_these_in_the_driver_s"]:.0f} ms in the process that hands out and keeps. Its start is told apart:
actors are started one after the other, and each loads its model.
"""


def plan_lines(values: Mapping[str, Any]) -> Iterator[str]:
    """Yield the model, and what it says of larger sets."""
    stages, empty = values["stages"], values["empty"]
    cost, driver = clip_cost(stages), driver_cost(values)
    yield f"""## The model

- A clip costs `policy + segmenter + keep + engine` = {cost:.2f} + {engine_cost(empty):.3f} processor seconds, with
  your own figures for the first two. Workers of a stage go through `workers / seconds of the stage` clips a
  second, and the slower stage counts: give it workers in that proportion, here {policy_share(stages)}.
- One process hands out and keeps: {1000 * driver:.0f} ms a clip, so that **it saturates at {1 / driver:,.0f} clips
  a second**, which is {1 / driver * cost:,.0f} workers of this cost. Past that, split the list and run several
  commands, each with an `--out` of its own. With models that take three
  seconds of a GPU for a clip, that is {3 / driver:,.0f} GPUs.
- A clip of a store is read {READS} times: for its digest, by the policy's worker and by the segmenter's. The
  digest is read by the machine with the driver before anything else begins; what it learnt is kept. A network of 1
  Gbit/s carries {1e9 / 8 / READS / stages["clip_bytes"]:,.0f} such clips a second, or {1e9 / 8 / READS / 3e6:.0f}
  of 3 MB each.
- Decoding is {100 * stages["decode_s"] / cost:.1f} % of a clip here and never saturates first with these models;
  with long clips of many pixels it may, as both stages decode on the processors of their machines.

| clips | processor hours | machines ({CORES_A_MACHINE} cores) for a day | read | results | the driver's hours |
|---:|---:|---:|---:|---:|---:|"""
    for number in SIZES:
        hours = number * (cost + engine_cost(empty)) / 3600
        machines = math.ceil(hours / 24 / CORES_A_MACHINE)
        read, kept = READS * number * stages["clip_bytes"] / 1e9, number * stages["result_bytes"] / 1e9
        yield (
            f"| {number:,} | {hours:,.1f} | {machines:,} | {read:,.1f} GB | {kept:,.2f} GB | "
            f"{number * driver / 3600:,.1f} |"
        )
    longest = SIZES[-1] * driver / 86400
    most = max(run["workers"] for run in values["runs"])
    yield f"""
Money is processor hours (or GPU hours, with your own figures) times what you pay for one. Ten million questions are
{longest:.1f} days for one driver, whatever the cluster: ten commands of a million each are the way, and each
result is a file of its own, so that the disk needs as many inodes.

## What was not measured

No GPU, no more than {most} workers of a stage, no cluster of several real machines, no network, and no list longer
than {empty["items"]:,} items through
Ray: the rows of 100,000 and more are the model's. Machines of another kind compute other last bits: results are
equal bit for bit among machines of one kind.
"""


def fault_lines() -> Iterator[str]:
    """Yield what was done to a batch, and what came of it."""
    values, file = newest("batch-faults")
    yield f"""## What was done to it

On {file.name[:10]}, {values["clips"]} such clips on a Ray cluster of two nodes on one machine:
{values["actors_killed"]} times an actor was killed at random, {values["drivers_killed"]} times the driver,
{values["nodes_lost"]} node was lost, and {values["disk_full"]} time the disk of the results was full. Then there
were {values["results"]} results of {values["wanted"]}, {values["equal"]} of them equal byte for byte to those of
one undisturbed process, and so were {", ".join(f"`{name}`" for name in values["equal_tables"])};
{len(values["half_written"])} files were half written (`benchmarks/bench_batch_faults.py`).
"""


def clip_cost(stages: Mapping[str, float]) -> float:
    """Return the processor seconds of a clip in one process: both models, and keeping the result."""
    return stages["policy_s"] + stages["segmenter_s"] + stages["keep_s"]


def engine_cost(empty: Mapping[str, float]) -> float:
    """Return the processor seconds that Ray uses for an item."""
    return empty["processor_s_an_item"]


def driver_cost(values: Mapping[str, Any]) -> float:
    """Return the seconds of the one process that hands out and keeps, for a clip."""
    return (
        max(values["empty"]["of_these_in_the_driver_s"], 1 / values["empty"]["items_a_second_by_the_clock"])
        + (values["stages"]["keep_s"])
    )


def policy_share(stages: Mapping[str, float]) -> str:
    """Return the proportion of workers of the two stages in words."""
    more = stages["policy_s"] / stages["segmenter_s"]
    return f"{more:.0f} of the policy to 1 of the segmenter" if more >= 1 else f"1 of the policy to {1 / more:.0f}"


def page() -> str:
    """Return the whole page."""
    values, _ = newest("batch-scale")
    lines = [HEAD, *stage_lines(values), *run_lines(values), *plan_lines(values), *fault_lines()]
    return "\n".join(lines).replace("\n\n\n", "\n\n").strip() + "\n"


def main() -> None:
    PAGE.write_text(page(), encoding="utf-8")
    print("->", PAGE.relative_to(PAGE.parent.parent.parent))


if __name__ == "__main__":
    main()
