"""What docs/results.md shows: its sections, and of each line the result, the script, and how the figure is read."""

from __future__ import annotations

from results_figures import (
    POLICY,
    Row,
    corrections,
    davis,
    engine_cost,
    engines,
    latency,
    limits,
    loads,
    objects,
    policy,
    rewards_at_once,
    segmenter,
    settled,
)

MODELS = [
    Row(
        "nano policy and segmenter, 800 questions about 200 rendered clips of a test split",
        policy,
        "nano-policy",
        "veason nano evaluate",
        POLICY,
    ),
    Row(
        "nano segmenter from one box over two whole real clips with hand-made masks; both were looked at while it was "
        "made, and on clips that were not it is lower",
        segmenter,
        "nano-segmenter",
        "bench_nano_segmenter.py",
    ),
    *(
        Row(
            f"{name} on five sequences of DAVIS 2016 that were looked at once, given the first frame",
            davis,
            f"{name}-davis-once",
            "bench_davis.py",
        )
        for name in ("nano", "nano-photo")
    ),
    Row(
        "nano policy asked about twelve real clips, their halves and windows, that were never trained on",
        limits,
        "nano-limits",
        "nano_limits.py",
    ),
    Row(
        "the embedded policy behind servers of others, greedy, on a busy machine",
        engines,
        "engines",
        "bench_engines.py",
    ),
    Row(
        "a question on the embedded models: first word, whole answer, masks of 60 frames (medians)",
        latency,
        "nano-latency",
        "bench_nano_latency.py",
    ),
]


SPEED = [
    corrections("P1", "a click to its mask"),
    corrections("P2", "a click to the masks of 5 frames on either side, of 120"),
    corrections("P3", "a click to all masks"),
    corrections("P4", "a click on one of three objects to all its masks"),
    corrections("P6", "another box on the same video to all masks"),
    corrections("P6 with load", "the same for a 1080p mp4 that stock loads anew"),
    Row(
        "one click on one of several objects, 100 frames (embedded segmenter)",
        objects,
        "scaling-objects",
        "sweep_scaling.py",
    ),
    Row(
        "a second question about a video, to its first word (3,400 tokens, random weights)",
        lambda values: f"{values['p5_cpu_median_ratio']:.1f} times plain `generate`, equal tokens",
        "prefix",
        "bench_prefix.py",
    ),
    Row(
        "opening a 300-frame 720p mp4 to its first frame",
        lambda values: f"{values['rows']['P8']['cpu_ratio_median']:.0f} times sam2's loader",
        "open",
        "bench_open.py",
        "P8",
    ),
    Row(
        "server cost of a streamed 1080p frame with three masks",
        lambda values: f"{values['rows']['P10']['cpu_ratio_median']:.0f} times less than a `gr.Image` frame",
        "stream",
        "bench_stream.py",
        "P10",
    ),
    Row(
        "J and F of 100 frames of 720p against a plain reference, the truth unknown and cached",
        lambda values: (
            f"{values['times_faster_cold']:.1f} and {values['times_faster_truth_cached']:.1f} times as fast, "
            f"largest difference {values['largest_difference']:g}"
        ),
        "metrics",
        "bench_metrics.py",
    ),
    Row(
        "64 rewards for tracks asked of the reward service at once (8 frames, 56 different boxes, embedded segmenter)",
        rewards_at_once,
        "reward-service",
        "bench_reward_service.py",
    ),
]


STUDIO = [
    Row(
        "a step between frames at hand, masks on, until the screen",
        lambda values: f"{values['until_screen']['median_ms']:.0f} ms (aim {values['aim_ms']})",
        "ui-steps",
        "bench_ui.py",
    ),
    Row(
        "letting a dragged box go, until its new mask is on the screen (640x360)",
        lambda values: (
            f"{values['release_to_pixel']['median_ms']:.0f} ms, of which "
            f"{values['segmenter_one_frame']['median_ms']:.0f} ms the segmenter (aim {values['aim_ms']} over it)"
        ),
        "ui-pixel",
        "bench_ui.py",
    ),
    Row(
        "a clip of 1,000 frames with masks on all: playing at 24 fps; a place on the slider; the page's heap",
        lambda values: (
            f"{values['played_frames_per_s']:.1f} frames a second; {values['place_to_picture']['median_ms']:.0f} ms; "
            f"{values['heap_before_masks_mb']:.1f} MB empty, "
            f"{values['heap_after_scrubbing_and_playing_mb']:.1f} MB after"
        ),
        "ui-long",
        "bench_ui.py",
    ),
    Row(
        "over 1 Mbit/s and 40 ms with an empty cache: the welcome page; the whole page; then a clip's first picture",
        lambda values: (
            f"{values['welcome_s']:.1f} s (aim {values['asked']['welcome_s']:.0f}); {values['ready_s']:.1f} s for "
            f"{values['ready_bytes'] / 1000:.0f} kB; {values['first_picture_s']:.1f} s (aim "
            f"{values['asked']['first_picture_s']:.0f})"
        ),
        "network",
        "bench_network.py",
    ),
    Row(
        "frames that a correction computes, of those that a whole run would, where it ends once masks have settled",
        lambda values: settled(values["rows"]["reported"]),
        "settling",
        "bench_settling.py",
    ),
    Row(
        "an edit there and back, the first and the last 100 of 2,000",
        lambda values: f"{values['first_100']['median_ms']:.0f} and {values['last_100']['median_ms']:.0f} ms",
        "ui-edits",
        "bench_ui.py",
    ),
    Row(
        "what an edit costs the server, the first and the last of 2,000, by processor time",
        lambda values: f"{values['ms_per_edit_by_part'][0]:.1f} and {values['ms_per_edit_by_part'][-1]:.1f} ms",
        "edits",
        "bench_edits.py",
    ),
    Row(
        "a queue of 1,000 clips: opening it; an arrow key; the rows that are in the page",
        lambda values: (
            f"{values['open_ms']['median']:.0f} ms; {values['arrow_ms']['median']:.0f} ms; {values['at_first']['rows']}"
        ),
        "queue",
        "bench_queue.py",
    ),
]

KEPT = [
    Row(
        "`kill -9` at random points while a project is edited",
        lambda values: (
            f"{values['kills']} kills: {values['saved_edits_lost']} saved edits lost, "
            f"{values['damaged_files']} files damaged"
        ),
        "project-crashes",
        "crash_project.py",
    ),
    Row(
        "a project of 1,000 videos and 900,000 masks",
        lambda values: (
            f"opens in {values['not_cached']['open_and_list_s'] + values['not_cached']['first_session_s']:.1f} s, "
            f"saves a box in {values['save_box_ms']['median']:.0f} ms"
        ),
        "project",
        "bench_project.py",
    ),
    Row(
        "opening a ReVOS of 35,074 expressions (369 MB of masks)",
        lambda values: f"{values['open_s']:.1f} s, {values['open_memory_mb']} MB",
        "dataset-open",
        "bench_dataset_open.py",
    ),
    Row(
        "30 minutes of random corrections, questions and cancels over five videos",
        lambda values: (
            f"memory {' to '.join(f'{one:,.0f}' for one in values['resident_mb'].values())} MB; "
            f"{values['masks_equal_to_replay']} masks and {values['answers_equal_to_cold']} answers equal a replay"
        ),
        "soak",
        "soak.py",
    ),
    Row(
        "memory by length of the clip, MB a frame and object",
        lambda values: (
            f"{values['objects']['1']['ours_growth_mb_per_frame_and_object']:.3f} "
            f"(stock {values['objects']['1']['stock_growth_mb_per_frame_and_object']:.2f})"
        ),
        "memory",
        "bench_memory.py",
    ),
]

LAB = [
    Row(
        "60 lies of six kinds planted among 1,000 cases: found, and false alarms",
        lambda values: (
            f"{sum(round(one['recall'] * one['planted']) for one in values['kinds'].values())} of {values['lies']}; "
            f"{sum(len(one['false_alarms']) for one in values['kinds'].values())}"
        ),
        "planted",
        "bench_planted.py",
    ),
    Row(
        "10 runs of 35,000 questions: opening all; the slowest of filter, sort and page, 95 of 100; memory",
        lambda values: (
            f"{values['open_all_s']:.1f} s; {max(values['p95_ms'].values()):.0f} ms; {values['memory_mb']} MB"
        ),
        "lab",
        "bench_lab.py",
    ),
]

STRANGERS = [
    Row(
        "hostile files, archives, media, events and look-ups: crashes or failures; memory at most",
        lambda values: f"{values['crashes'] + len(values['failures'])} of {values['tried']:,}; {values['peak_mb']} MB",
        "hostile",
        "hostile.py",
    ),
    Row(
        "spoilt labels in nine formats: crashes or failures; growth at most",
        lambda values: (
            f"{sum(len(one['failures']) for one in values['formats'].values())} of {values['tried']:,}; "
            f"{max(one['grown_mb'] for one in values['formats'].values())} MB"
        ),
        "fuzz-importers",
        "fuzz_importers.py",
    ),
    Row(
        "two hours of 20 visitors: edits, lost or another's; look-ups, 95 of 100; spread of waits; memory then, after",
        lambda values: loads(values["loads"][0]),
        "load-long",
        "load.py",
    ),
]


PAST_ONE_MACHINE = [
    Row(
        "a batch on Ray: actors killed, driver killed, nodes lost, disks full; results equal to one process",
        lambda values: (
            f"{values['actors_killed']}, {values['drivers_killed']}, {values['nodes_lost']}, {values['disk_full']}; "
            f"**{values['equal']} of {values['clips']}**, each once"
        ),
        "batch-faults",
        "bench_batch_faults.py",
    ),
    Row(
        "Ray against processes, processor seconds a clip, by workers (aim 15 %)",
        lambda values: engine_cost(values["runs"]),
        "batch-scale",
        "bench_batch_scale.py",
    ),
]


SECTIONS = {
    "The embedded models": (MODELS, "How they were trained, what they cost and where they fail: [nano](nano.md)."),
    "Speed": (
        SPEED,
        "By processor time of one thread. Where SAM 2 is meant: hiera_t at 256 px with random weights, which splits\n"
        "its work as SAM 2.1 large does at 1024 px. Masks are equal to stock's, bit for bit. A GPU was not at hand.\n"
        "Goals, gates and what was left, row by row: [speed](speed.md).",
    ),
    "The studio": (STUDIO, "Headless Chromium, the real app, embedded segmenter."),
    "What is kept": (KEPT, ""),
    "Strangers": (STRANGERS, ""),
    "Past one machine": (PAST_ONE_MACHINE, "The plan for more, with what was not measured: [scale](how-to/scale.md)."),
    "The lab": (LAB, "What nano gets wrong in it, and which probes hold: [nano](nano.md)."),
}
"""Lines of each section by its title, with what is said above them."""
