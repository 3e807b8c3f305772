"""Reads one export with a program that is not ours and prints what it found as JSON; run by test_readers.py.

Runs in an environment of its own (.ci/requirements-readers.txt), so nothing of ours is imported here.
"""

import json
import os
import sys
import types
import warnings
from importlib.machinery import ModuleSpec
from pathlib import Path
from xml.etree import ElementTree

warnings.simplefilter("ignore")


def rle(mask):
    import numpy as np
    from pycocotools import mask as coco

    code = coco.encode(np.asfortranarray(mask, dtype=np.uint8))
    return {"size": code["size"], "counts": code["counts"].decode()}


def datumaro_coco(folder: Path):
    import datumaro as dm

    found = []
    for item in dm.Dataset.import_from(str(folder), "coco"):
        for each in item.annotations:
            if each.type == dm.AnnotationType.mask:
                found.append([each.attributes["track_id"], int(Path(item.id).name), rle(each.image)])
    return found


def datumaro_cvat_boxes(folder: Path):
    """Boxes of tracks. Datumaro 1.13 stops at masks in tracks (it asks the missing <image> for a size)."""
    import datumaro as dm

    tree = ElementTree.parse(next(folder.glob("*.xml")))
    for track in tree.iter("track"):
        for shape in [shape for shape in track if shape.tag == "mask"]:
            track.remove(shape)
    target = folder.parent / "cvat_boxes" / "labels.xml"
    target.parent.mkdir(exist_ok=True)
    tree.write(target)
    found = []
    for item in dm.Dataset.import_from(str(target), "cvat"):
        for each in item.annotations:
            attributes = each.attributes
            found.append(
                [each.group, attributes["track_id"], int(item.attributes["frame"]), each.points,
                 attributes["outside"], attributes["keyframe"]]
            )  # fmt: skip
    return found


def datumaro_cvat_masks(folder: Path):
    """Our mask elements, unchanged, inside <image> elements, where Datumaro does read masks."""
    import datumaro as dm
    from PIL import Image

    tree = ElementTree.parse(next(folder.glob("*.xml")))
    root = tree.getroot()
    size = {side: root.findtext(f".//original_size/{side}") for side in ("width", "height")}
    shapes = [
        (track, shape)
        for track in root.iter("track")
        for shape in track
        if shape.tag == "mask" and shape.attrib["outside"] == "0"
    ]
    for track in list(root.iter("track")):
        root.remove(track)
    for track, shape in shapes:
        frame = shape.attrib["frame"]
        name = f"{track.attrib['group_id']}_{frame}"
        image = ElementTree.SubElement(root, "image", {"id": str(len(root)), "name": f"{name}.jpg", **size})
        image.append(shape)
        shape.attrib["label"] = track.attrib["label"]
    target = folder.parent / "cvat_masks" / "labels.xml"
    pictures = target.parent / "images"
    pictures.mkdir(parents=True)
    for image in root.iter("image"):  # it wants to see the files
        Image.new("L", (int(size["width"]), int(size["height"]))).save(pictures / image.attrib["name"])
    tree.write(target)
    found = []
    for item in dm.Dataset.import_from(str(target), "cvat"):
        object_id, frame = map(int, item.id.split("_"))
        found += [[object_id, frame, rle(each.image)] for each in item.annotations]
    return found


def datumaro_writes_coco(folder: Path):
    """Our COCO read and written again by Datumaro, beside it."""
    import datumaro as dm

    target = folder.parent / "written_coco"
    dm.Dataset.import_from(str(folder), "coco").export(str(target), "coco", save_media=False, segmentation_mode="mask")
    return sorted(file.relative_to(target).as_posix() for file in target.rglob("*.json"))


def datumaro_writes_polygons(folder: Path):
    """Our masks as polygons of COCO and of CVAT for images, as Datumaro writes them, beside our export."""
    import datumaro as dm

    dataset = dm.Dataset.import_from(str(folder), "coco").transform("masks_to_polygons")
    counts = {}
    for format, options in (("coco", {"segmentation_mode": "polygons"}), ("cvat", {})):
        target = folder.parent / f"polygons_{format}"
        dataset.export(str(target), format, save_media=False, **options)
        files = [*target.rglob("instances*.json"), *target.rglob("*.xml")]
        texts = [file.read_text() for file in files]
        if format == "coco":
            counts[format] = sum(len(json.loads(text)["annotations"]) for text in texts)
        else:
            counts[format] = sum(len(list(ElementTree.fromstring(text).iter("polygon"))) for text in texts)
    return counts


def label_studio_writes_coco(folder: Path):
    """Our brush tasks as Label Studio's converter exports them as COCO, beside our export."""
    os.environ["LOCAL_FILES_DOCUMENT_ROOT"] = str(folder)
    from label_studio_sdk.converter import Converter
    from label_studio_sdk.converter.converter import Format

    tasks = json.loads((folder / "frames.json").read_text())
    for number, task in enumerate(tasks, start=1):  # as a server numbers them when they are uploaded
        task["id"] = number
        task["annotations"][0] |= {"id": number, "completed_by": 1, "created_at": "", "updated_at": "", "lead_time": 1}
    (folder.parent / "served.json").write_text(json.dumps(tasks))
    target = folder.parent / "converted"
    converter = Converter(str(folder / "frames.xml"), str(folder), upload_dir=str(folder))
    converter.convert(str(folder.parent / "served.json"), str(target), Format.BRUSH_TO_COCO, is_dir=False)
    return [file.relative_to(target).as_posix() for file in target.rglob("*.json")]


def label_studio_frames(folder: Path):
    """The frames on which Label Studio shows a box of our video tasks, by object."""
    from label_studio_sdk._extensions.label_studio_tools.postprocessing.video import extract_key_frames

    found = {}
    for task in json.loads((folder / "videos.json").read_text()):
        for row in extract_key_frames(task["annotations"][0]["result"]):
            frames = {step["frame"] - 1 for step in row["value"]["sequence"]}
            found[row["value"]["labels"][0]] = sorted(frames)
    return found


def label_studio_writes(folder: Path):
    """Our masks as Label Studio's own code writes a brush, without anything of ours beside them."""
    from label_studio_sdk.converter.brush import decode_rle, mask2rle

    tasks = []
    for task in json.loads((folder / "frames.json").read_text()):
        rows = []
        for row in task["annotations"][0]["result"]:
            size = (row["original_height"], row["original_width"], 4)
            mask = decode_rle(row["value"]["rle"]).reshape(size)[..., 3]
            label = row["value"]["brushlabels"]
            rows.append(
                {**row, "value": {"format": "rle", "rle": list(map(int, mask2rle(mask))), "brushlabels": label}}
            )
        image = f"/data/upload/1/0a1b2c3d-hide_{task['data']['frame']:05d}.jpg"
        tasks.append({"id": len(tasks), "data": {"image": image}, "annotations": [{"result": rows}]})
    (folder.parent / "written_tasks.json").write_text(json.dumps(tasks))
    return len(tasks)


def label_studio(folder: Path):
    from label_studio_sdk.converter.brush import decode_rle

    found = []
    for task in json.loads((folder / "frames.json").read_text()):
        for row in task["annotations"][0]["result"]:
            size = (row["original_height"], row["original_width"], 4)
            mask = decode_rle(row["value"]["rle"]).reshape(size)[..., 3] > 0
            found.append([int(row["value"]["brushlabels"][0].split()[-1]), task["data"]["frame"], rle(mask)])
    return found


def ultralytics(folder: Path):
    """Our polygons as Ultralytics reads them; and written by it as predictions, beside our export."""
    os.environ["YOLO_CONFIG_DIR"] = str(folder.parent)
    import numpy as np
    import torch
    from ultralytics.data.utils import polygon2mask, verify_image_label
    from ultralytics.models.yolo.segment import SegmentationValidator

    validator = SegmentationValidator(save_dir=folder.parent)
    validator.jdict, validator.class_map = [], list(range(100))
    found = []
    for file in sorted((folder / "labels" / "train").glob("*/*.txt")):
        image = folder / "images" / "train" / file.parent.name / f"{file.stem}.jpg"
        row = verify_image_label((str(image), str(file), "", False, 2, 0, 0, False))
        height, width = row[2]
        masks = [polygon2mask((height, width), [(points * [width, height]).ravel()]) for points in row[3]]
        classes = [int(class_id) for class_id, *_ in row[1].tolist()]
        found += [[class_id, int(file.stem), rle(mask)] for class_id, mask in zip(classes, masks, strict=True)]
        if masks:
            predicted = {
                "masks": torch.tensor(np.stack(masks), dtype=torch.uint8),
                "bboxes": torch.zeros(len(masks), 4),
                "conf": torch.full((len(masks),), 0.75),
                "cls": torch.tensor(classes),
            }
            validator.pred_to_json(predicted, {"im_file": str(image)})
    (folder.parent / "predictions.json").write_text(json.dumps(validator.jdict))
    return found


def cvat_sdk_masks(folder: Path):
    """The masks of our XML as CVAT's own code decodes them; and written again by it, beside our export."""
    import importlib.util

    place = Path(importlib.util.find_spec("cvat_sdk").submodule_search_locations[0]) / "masks.py"
    spec = importlib.util.spec_from_file_location("cvat_sdk_masks", place)  # the package around it is a web client
    code = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(code)
    tree = ElementTree.parse(next(folder.glob("*.xml")))
    width, height = (int(tree.getroot().findtext(f".//original_size/{side}")) for side in ("width", "height"))
    found = []
    for track in tree.iter("track"):
        for shape in track.iter("mask"):
            x, y, w, h = (int(shape.attrib[name]) for name in ("left", "top", "width", "height"))
            points = [*map(int, shape.attrib["rle"].split(",")), x, y, x + w - 1, y + h - 1]
            mask = code.decode_mask(points, image_width=width, image_height=height)
            *runs, x1, y1, x2, y2 = code.encode_mask(mask)
            sides = {"left": x1, "top": y1, "width": x2 - x1 + 1, "height": y2 - y1 + 1}
            shape.attrib |= {name: str(value) for name, value in sides.items()} | {"rle": ", ".join(map(str, runs))}
            if shape.attrib["outside"] == "0":
                found.append([int(track.attrib["group_id"]), int(shape.attrib["frame"]), rle(mask)])
    tree.write(folder.parent / "cvat_written.xml")
    return found


def llama_factory(folder: Path):
    os.environ["DISABLE_VERSION_CHECK"] = "1"
    audio = types.ModuleType("torchaudio")  # imported at the top, used for sound alone
    audio.__spec__ = ModuleSpec("torchaudio", None)
    sys.modules["torchaudio"] = audio
    import datasets
    from llamafactory.data.converter import get_dataset_converter
    from llamafactory.data.mm_plugin import get_mm_plugin
    from llamafactory.data.parser import get_dataset_list
    from llamafactory.hparams import DataArguments

    arguments = DataArguments(dataset_dir=str(folder), media_dir=str(folder))
    (attributes,) = get_dataset_list(["veason_sft"], str(folder))
    convert = get_dataset_converter(attributes.formatting, attributes, arguments)
    rows = datasets.load_dataset("json", data_files=str(folder / attributes.dataset_name), split="train")
    plugin = get_mm_plugin("qwen2_vl", image_token="<|image_pad|>")
    found = []
    for row in rows:
        sample = convert(row)
        messages = sample["_prompt"] + sample["_response"]
        plugin._validate_messages(messages, sample["_images"], [], [])
        found.append([[each["role"] for each in messages], sample["_images"], messages[-1]["content"]])
    return found


if __name__ == "__main__":
    sys.path += sys.argv[3:]  # borrowed packages come last
    answer = globals()[sys.argv[1]](Path(sys.argv[2]))
    print("FOUND" + json.dumps(answer))
