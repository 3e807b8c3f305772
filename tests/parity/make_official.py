"""Run the official code on made masks and answers, and store its numbers in official.json beside this file.

    PYTHONPATH=LIBS python tests/parity/make_official.py SOURCES

Only needed to make the table anew; the tests read the JSON. LIBS holds opencv-python-headless, scikit-image and
termcolor (the official code imports them), SOURCES these files, copied by hand from public repositories and never
part of this tree (docstrings, comments and default paths left out, nothing else changed):

    davis_metrics.py   davisvideochallenge/davis2017-evaluation @30b698a  davis2017/metrics.py (all functions)
    metrics.py         cilinyan/VISA @40ae6e8  tools/metrics.py
    eval_revos.py      cilinyan/VISA @40ae6e8  tools/eval_revos.py
    veason_reward.py   SitongGong/Veason-R1 @28b0000  verl/utils/reward_score/video_match_keyframe_sam_sft_mod.py

The true boxes of the reward cases follow verl/utils/revos_keyframe_sft_dataset_mod.py @28b0000, written anew here.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from veason.masks import coco_dict, encode_mask

HERE = Path(__file__).parent
SOURCE_COMMITS = {
    "davis_metrics": "davisvideochallenge/davis2017-evaluation davis2017/metrics.py "
    "@30b698a691681588bbcfe0f2a7c7c680d49bb72d",
    "metrics": "cilinyan/VISA tools/metrics.py @40ae6e86fb29253ad8b0a9f47bfd258e719bee3a",
    "eval_revos": "cilinyan/VISA tools/eval_revos.py @40ae6e86fb29253ad8b0a9f47bfd258e719bee3a",
    "veason_reward": "SitongGong/Veason-R1 verl/utils/reward_score/video_match_keyframe_sam_sft_mod.py "
    "@28b00003ab14c4ebe1b3a19c9efb91da551a866c",
}


def disc(height: int, width: int, cy: float, cx: float, radius: float) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    return np.hypot(y - cy, x - cx) <= radius


def frames() -> list[tuple[str, np.ndarray, list[np.ndarray], np.ndarray]]:
    """Return `(name, grey prediction, true objects, foreground)` of single frames."""
    rng = np.random.default_rng(20240)
    cases = []

    def add(name: str, prediction: np.ndarray, objects: list[np.ndarray], around: np.ndarray | None = None) -> None:
        shape = prediction.shape
        union = np.any([np.zeros(shape, bool), *objects], axis=0)
        grey = prediction if prediction.dtype == np.uint8 else prediction.astype(np.uint8) * 255
        cases.append((name, grey, objects, union if around is None else around))

    for number, (height, width) in enumerate([(9, 7), (48, 64), (61, 47), (120, 160)]):
        for share in (0.05, 0.5, 0.95):
            add(f"random {height}x{width} {share}", rng.random((height, width)) < share,
                [rng.random((height, width)) < share], rng.random((height, width)) < 0.6)  # fmt: skip
        for step in range(5):
            cy, cx = rng.uniform(0, height), rng.uniform(0, width)
            true = disc(height, width, cy, cx, rng.uniform(0.1, 0.4) * height)
            guess = disc(height, width, cy + rng.normal(0, 1 + step), cx + rng.normal(0, 1 + step), 0.25 * height)
            add(f"discs {number}.{step}", guess, [true], true | disc(height, width, cx, cy, height / 3))
    shape = 48, 64
    nothing, everything = np.zeros(shape, bool), np.ones(shape, bool)
    middle, corner, last = nothing.copy(), nothing.copy(), nothing.copy()
    middle[20, 30] = corner[0, 0] = last[-1, -1] = True
    border = nothing.copy()
    border[10:30, :5] = True
    right, bottom = nothing.copy(), nothing.copy()
    right[10:30, 50:] = bottom[40:, 10:50] = True
    add("both empty", nothing, [], nothing)
    add("both empty, other objects there", nothing, [], border)
    add("prediction empty", nothing, [border])
    add("truth empty", border, [], nothing)
    add("truth empty, other objects there", middle, [], everything)
    add("full frame both", everything, [everything])
    add("full frame prediction", everything, [border], border | right)
    add("full frame truth", border, [everything])
    add("one pixel both", middle, [middle])
    add("one pixel next door", np.roll(middle, 1, 1), [middle], border | middle)
    add("one pixel far away", corner, [middle], everything)
    add("one pixel top left", corner, [corner])
    add("one pixel bottom right", last, [last])
    add("one pixel bottom right against top left", last, [corner])
    for name, mask in (("left", border), ("right", right), ("bottom", bottom)):
        add(f"touches the {name} border", mask, [np.roll(mask, 1, 0) | mask], everything)
    add("row of pixels", np.eye(1, 12, 3) > 0, [np.eye(1, 12, 4) > 0])
    add("column of pixels", np.eye(12, 1, -3) > 0, [np.eye(12, 1, -5) > 0])
    ball, brick = disc(48, 64, 20, 20, 9), disc(48, 64, 24, 28, 10)
    third = disc(48, 64, 26, 24, 6)
    add("two objects apart", border | right, [border, right], everything)
    add("two objects overlap, exact union", ball | brick, [ball, brick], ball | brick)
    add("two objects overlap, one missed", ball, [ball, brick], ball | brick)
    add("three objects overlap", ball | brick, [ball, brick, third], everything)
    add("two objects overlap, grey 1", (ball | brick).astype(np.uint8), [ball, brick], ball | brick)
    add("grey 1, false pixels", disc(48, 64, 22, 22, 12).astype(np.uint8), [ball], everything)
    add("grey 128, false pixels", disc(48, 64, 20, 22, 9).astype(np.uint8) * 128, [ball], everything)
    for extra in (1, 2, 4, 8):
        true, guess = np.zeros((50, 80), bool), np.zeros((50, 80), bool)
        true[:, :20] = guess[:, :20] = True
        guess[:extra, 30] = True
        around = np.zeros((50, 80), bool)
        around[:, :40] = True
        add(f"{extra} false pixels of 2000", guess, [true], around)
    large = disc(240, 427, 120, 200, 60)
    add("large discs", disc(240, 427, 123, 203, 61), [large], large | disc(240, 427, 60, 60, 40))
    return cases


def frame_rows(davis: Any, visa: Any) -> list[dict]:
    rows = []
    for name, grey, objects, around in frames():
        summed = np.zeros(grey.shape, np.uint8)
        for mask in objects:
            summed += mask.astype(np.uint8)
        foreground = around.astype(np.uint8)
        official = {
            "j_davis": float(davis.db_eval_iou(summed, grey)),
            "f_davis": float(davis.db_eval_boundary(summed, grey)),
            "j_visa": float(visa.db_eval_iou(summed[None], grey[None])[0]),
            "f_visa": float(visa.db_eval_boundary(summed[None], grey[None])[0]),
            "r_legacy": float(visa.get_r2vos_robustness(summed[None], grey[None], foreground[None])[0]),
        }
        rows.append(
            {
                "name": name,
                "grey": int(grey.max()) or 255,
                "prediction": coco_dict(encode_mask(grey > 0)),
                "objects": [coco_dict(encode_mask(mask)) for mask in objects],
                "foreground": coco_dict(encode_mask(around)),
                "official": official,
            }
        )
    return rows


def revos(sources: Path) -> dict:
    """Run eval_revos.py as it is on a small made dataset, and return its files and its results."""
    rng = np.random.default_rng(7)
    height, width, length = 40, 56, 5
    names = [f"{index:05d}" for index in range(length)]
    videos, mask_dict, foreground = {}, {}, {}
    predictions: dict[str, dict[str, list]] = {}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for number in range(4):
            video, anno_ids, expressions = f"clip_{number}", [], {}
            objects = []
            for each in range(3):
                cy, cx, radius = rng.uniform(8, 32), rng.uniform(8, 48), rng.uniform(4, 9)
                object_masks = [disc(height, width, cy + t, cx + 2 * t, radius) for t in range(length)]
                present = [not (each == 2 and t == number) for t in range(length)]
                anno_id = str(10 * number + each)
                mask_dict[anno_id] = [
                    coco_dict(encode_mask(mask)) if here else None
                    for mask, here in zip(object_masks, present, strict=True)
                ]
                objects.append([mask & here for mask, here in zip(object_masks, present, strict=True)])
                anno_ids.append(int(anno_id))
            wanted = [([0], 0), ([0, 1], 0), ([1, 2], 1), ([2], 1), ([], 2)]
            for exp_id, (chosen, type_id) in enumerate(wanted[: 5 if number else 4]):
                expressions[str(exp_id)] = {
                    "exp": f"expression {exp_id}", "obj_id": chosen, "anno_id": [anno_ids[c] for c in chosen],
                    "type_id": type_id,
                }  # fmt: skip
                out = root / "Annotations" / video / str(exp_id)
                out.mkdir(parents=True)
                guesses = []
                for t in range(length):
                    guess = np.any([np.zeros((height, width), bool), *(objects[c][t] for c in chosen)], axis=0)
                    if exp_id % 2:
                        guess = np.roll(guess, int(rng.integers(0, 3)), 1)
                    guess ^= rng.random((height, width)) < (0.002 if exp_id < 3 else 0.0)
                    Image.fromarray(guess.astype(np.uint8) * 255).save(out / f"{names[t]}.png")
                    guesses.append(coco_dict(encode_mask(guess)))
                predictions.setdefault(video, {})[str(exp_id)] = guesses
            videos[video] = {
                "vid_id": number, "height": height, "width": width, "frames": names, "expressions": expressions
            }  # fmt: skip
            unions = [np.any([masks[t] for masks in objects], axis=0) for t in range(length)]
            foreground[video] = {"masks_rle": [coco_dict(encode_mask(union)) for union in unions]}
        meta = {"videos": videos}
        for name, content in (("meta", meta), ("mask_dict", mask_dict), ("foreground", foreground)):
            (root / f"{name}.json").write_text(json.dumps(content))
        text = (sources / "eval_revos.py").read_text().replace("NUM_WOEKERS = 128", "NUM_WOEKERS = 2")
        (root / "eval_revos.py").write_text(text)
        (root / "metrics.py").write_text((sources / "metrics.py").read_text())
        command = [sys.executable, "eval_revos.py", "Annotations", "--visa_exp_path", "meta.json"]
        command += ["--visa_mask_path", "mask_dict.json", "--visa_foreground_mask_path", "foreground.json"]
        subprocess.run(command, cwd=root, check=True)
        results = json.loads((root / "revos_valid.json").read_text())
        rows = (root / "revos_valid.csv").read_text().splitlines()
    columns = rows[0].split(",")
    table = [dict(zip(columns, row.split(","), strict=True)) for row in rows[1:]]
    assert len(table) == sum(len(video["expressions"]) for video in videos.values()), "an expression was left out"
    assert any(float(row["R"]) > 0 for row in table)
    scores = {
        row["videxp"]: {"J": float(row["J"]), "F": float(row["F"]), "R": float(row["R"])}
        for row in sorted(table, key=lambda row: row["videxp"])
    }
    return {
        **meta, "mask_dict": mask_dict, "foreground": foreground, "predictions": predictions, "rows": scores,
        "results": results,
    }  # fmt: skip


SHOWN = [3, 8, 13, 18]
WIDTH, HEIGHT = 64, 48
Rect = tuple[int, int, int, int]


def paint(boxes: np.ndarray, place: int, count: int) -> np.ndarray:
    """Stand in for SAM2: fill each box, moved one pixel right a frame; `(count, H, W)` bool."""
    masks = np.zeros((count, HEIGHT, WIDTH), bool)
    for t in range(count):
        for x1, y1, x2, y2 in np.asarray(boxes, dtype=np.float64):
            left, right = int(max(x1 + t - place, 0)), int(max(x2 + t - place, 0))
            masks[t, int(max(y1, 0)) : int(max(y2, 0)), left:right] = True
    return masks


class Painter:
    """What the reward calls in place of SAM2."""

    def __init__(self, fails: bool) -> None:
        self.fails = fails

    def get_sam2_video_predict(self, video_frame_list: Any, boxes: np.ndarray, keyframe_idx: int) -> list[dict]:
        if self.fails:
            raise RuntimeError("out of memory")
        return [{"video_masks": paint(boxes, keyframe_idx, len(SHOWN))}]


def reward_cases() -> list[dict]:
    """Return texts and the true objects' rectangles (half-open x1,y1,x2,y2, or None) on each frame shown."""
    one: list[list[Rect | None]] = [[(10, 10, 20, 22), (11, 10, 23, 22), (12, 10, 26, 22), (13, 10, 20, 22)]]
    two = [*one, [(40, 20, 50, 30), None, (42, 20, 54, 40), (43, 20, 50, 30)]]
    never: list[list[Rect | None]] = [[None] * 4, [None] * 4]
    some: list[list[Rect | None]] = [[None, (11, 10, 23, 22), None, (13, 10, 20, 22)]]

    def text(keyframe: Any, boxes: Any) -> str:
        body = json.dumps({"keyframe_timestamp": keyframe, "bbox_2d_list": boxes})
        return f"<think>a thought</think>\n<answer>{body}</answer>"

    near, far = [12, 10, 26, 22], [42, 20, 54, 40]
    many = [[index, 5, index + 4, 12] for index in range(0, 60, 2)] * 5
    listed = [
        ("exact box", text(13, [near]), one),
        ("box off by some", text(13, [[14, 9, 27, 25]]), one),
        ("fractions of a pixel", text(13, [[12.5, 10.25, 25.5, 21.75]]), one),
        ("smaller keyframe", text(3, [[10, 10, 19, 21]]), one),
        ("keyframe not shown", text(4, [near]), one),
        ("keyframe as text", text("13", [near]), one),
        ("keyframe true", text(True, [near]), one),
        ("keyframe a fraction", text(13.7, [near]), one),
        ("keyframe null", text(None, [near]), one),
        ("no boxes", text(13, []), one),
        ("boxes null", text(13, None), one),
        ("flat list of four", text(13, near), one),
        ("box of three", text(13, [near, [1, 2, 3]]), one),
        ("box of text", text(13, [["12", "10", "26", "22"]]), one),
        ("box of truth values", text(13, [[True, False, True, True]]), one),
        ("two boxes in order", text(13, [near, far]), two),
        ("two boxes swapped", text(13, [far, near]), two),
        ("two boxes of three", text(13, [far, near, [0, 0, 8, 8]]), two),
        ("one box of two", text(13, [far]), two),
        ("object missing on the keyframe", text(8, [[11, 10, 22, 21]]), two),
        ("zero box for a missing object", text(8, [[0, 0, 0, 0], [11, 10, 22, 21]]), two),
        ("absent, zero box", text(13, [[0, 0, 0, 0]]), never),
        ("absent, some box", text(13, [near]), never),
        ("absent, no box", text(13, []), never),
        ("absent on the keyframe", text(13, [near]), some),
        ("absent on the keyframe, zero box", text(3, [[0, 0, 0, 0]]), some),
        ("swapped corners", text(13, [[26, 22, 12, 10]]), one),
        ("corner one off its opposite", text(13, [[12, 10, 11, 22]]), one),
        ("box outside", text(13, [[100, 100, 200, 200]]), one),
        ("negative numbers", text(13, [[-5, -5, 20, 20]]), one),
        ("more than the limit", text(13, many), two),
        ("no tags", '{"keyframe_timestamp": 13, "bbox_2d_list": [[12, 10, 26, 22]]}', one),
        ("words around", f"Sure. {text(13, [near])}", one),
        ("words after", f"{text(13, [near])}\nDone.", one),
        ("no thought", text(13, [near]).partition("\n")[2], one),
        ("two answers", text(13, [near]) + text(3, [far]), one),
        ("broken json", text(13, [near]).replace("]]", "]"), one),
        ("single quotes", text(13, [near]).replace('"', "'"), one),
        ("words before the json", text(13, [near]).replace("<answer>", "<answer>so: "), one),
        ("not a number", text(13, [[12, 10, float("nan"), 22]]), one),
        ("infinite", text(13, [[12, 10, float("inf"), 22]]), one),
        ("other keys", text(13, [near]).replace("bbox_2d_list", "boxes"), one),
        ("a list", "<think>t</think><answer>[1, 2]</answer>", one),
        ("nothing", "", one),
    ]
    return [{"name": name, "text": text, "objects": objects} for name, text, objects in listed]


def true_boxes(objects: list[list[Rect | None]], place: int) -> list[list[float]]:
    found = [masks[place] for masks in objects]
    if not any(found):
        return [[0, 0, 0, 0]]
    return [[r[0] + 0.5, r[1] + 0.5, r[2] - 1 + 0.5, r[3] - 1 + 0.5] if r else [0, 0, 0, 0] for r in found]


def reward_rows(official: Any) -> list[dict]:
    import torch

    rows = []
    for case in reward_cases():
        masks = np.zeros((len(SHOWN), HEIGHT, WIDTH), np.uint8)
        for rects in case["objects"]:
            for t, rect in enumerate(rects):
                if rect:
                    masks[t, rect[1] : rect[3], rect[0] : rect[2]] = 1
        union = torch.from_numpy(masks)
        truth = json.dumps(
            {str(t): [{"bbox_2d": box} for box in true_boxes(case["objects"], t)] for t in range(len(SHOWN))}
        )
        both, boxes = (
            float(official.vision_reasoner_accuracy_reward(case["text"], truth, union, Painter(fails), None, SHOWN))
            for fails in (False, True)
        )
        rows.append(
            {
                **case,
                "official": {
                    "format": float(official.vision_reasoner_format_reward(case["text"])),
                    "keyframe": float(official.vision_reasoner_keyframe_reward(case["text"], union, SHOWN)),
                    "boxes": boxes,
                    "boxes_and_tracks": both,
                },
            }
        )
    return rows


def matching_rows(official: Any) -> list[dict]:
    """Return random box lists and their Rs, through the official function with a failing segmenter."""
    import torch

    rng = np.random.default_rng(99)
    rows = []
    for number in range(40):
        predicted, true = (np.sort(rng.integers(0, 60, (int(n), 2, 2)), axis=1).reshape(-1, 4)[:, :4]
                           for n in rng.integers(1, 8, 2))  # fmt: skip
        text = json.dumps({"keyframe_timestamp": 0, "bbox_2d_list": predicted.tolist()})
        truth = json.dumps({"0": [{"bbox_2d": (box + 0.5).tolist()} for box in true]})
        score = official.vision_reasoner_accuracy_reward(
            f"<answer>{text}</answer>", truth, torch.zeros(1, 2, 2), Painter(True), None, [0]
        )
        rows.append(
            {
                "name": f"random {number}", "predicted": predicted.tolist(), "true": (true + 0.5).tolist(),
                "official": float(score),
            }
        )  # fmt: skip
    return rows


def main() -> None:
    sources = Path(sys.argv[1]).resolve()
    sys.path.insert(0, str(sources))
    import davis_metrics
    import metrics
    import veason_reward

    stored = {
        "sources": SOURCE_COMMITS,
        "command": "PYTHONPATH=LIBS python tests/parity/make_official.py SOURCES",
        "frames": frame_rows(davis_metrics, metrics),
        "revos": revos(sources),
        "rewards": {"shown": SHOWN, "size_wh": [WIDTH, HEIGHT], "cases": reward_rows(veason_reward)},
        "matching": matching_rows(veason_reward),
    }
    lines = json.dumps(stored, indent=1)
    (HERE / "official.json").write_text(lines + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
