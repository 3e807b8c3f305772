"""Alternative keys that models use for keyframe and boxes."""

from __future__ import annotations

import re


def _names(*lines: str) -> frozenset[str]:
    return frozenset(name for line in lines for name in line.split())


KEYFRAME_ALIASES = _names(
    "keyframe_timestamp keyframe key_frame keyframes key_frames keyframe_index timestamp frame frame_index time",
    "frame_number frame_id",
    "关键帧 关键帧索引 帧 帧号 时间戳 關鍵幀 幀 キーフレーム フレーム フレーム番号 키프레임 프레임",
    "кадр ключевой_кадр номер_кадра image_clé image_cle fotograma fotograma_clave cuadro_clave quadro quadro_chave",
    "schlüsselbild bildnummer",
)
"""Keys for the keyframe, in the form of `veason.answer.coordinates.normalize_name`."""

BOXES_ALIASES = _names(
    "bbox_2d_list bbox_2d bbox_list bboxes bbox boxes box box_2d bboxes_2d boxes_2d bounding_box bounding_boxes",
    "boundingbox boundingboxes bounding_box_2d xyxy bbox_xyxy box_xyxy",
    "边界框 边框 框 目标框 邊界框 バウンディングボックス 바운딩_박스 경계_상자 рамка рамки ограничивающая_рамка",
    "boîte boîtes boite boites boîte_englobante boite_englobante caja cajas caja_delimitadora caixa caixas",
    "rahmen begrenzungsrahmen",
)
"""Keys for boxes; `bbox_2d` is Qwen2.5-VL's key for grounding."""

LOOSE_BOXES = _names(
    "position positions coordinates coordinate coords location region rect rectangle roi corners corner_points",
    "坐标 位置 座標 좌표 위치 координаты положение coordonnées coordonnees coordenadas koordinaten posición posicion",
)
"""Keys that may hold a box or anything else: four numbers under them are one where the object has no better key."""

NO_PLACES = re.compile(r"(?:^|_)(?:colou?r|rgba?|size|shape|resolution|wh|score|confidence|padding|margin)s?(?:_|$)")
"""Keys whose numbers are no place, whatever they stand beside."""

_NUMBERED = re.compile(r"_?\d{1,3}$")


def is_numbered_box(name: str) -> bool:
    """Tell whether a tidy key is one of several for boxes.

    >>> is_numbered_box("bbox_2"), is_numbered_box("box1"), is_numbered_box("bbox_2d")
    (True, True, False)
    """
    return name not in BOXES_ALIASES and _NUMBERED.sub("", name) in BOXES_ALIASES
