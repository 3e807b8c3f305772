"""The lab's page and what it asks for: queries, cases, pictures, verdicts.

    uvicorn.run(lab_app(Lab(Path("lab"))))

Everything is read from the lab's folder; the page changes verdicts, saved views and tags, nothing else.
"""

from __future__ import annotations

import io
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from veason.errors import DataError, OptionError, VeasonError
from veason.lab.columns import BY_NAME, COLUMNS
from veason.lab.comparing import compare, default_slices, pair_runs
from veason.lab.detail import boxes_to_draw, explained, group_of, judged_claims
from veason.lab.flags import FLAGS
from veason.lab.pictures import LAYERS, CasePictures
from veason.lab.query import columns_named, compile_query
from veason.lab.store import Lab, Run
from veason.lab.summary import count_flags, mean_figures
from veason.lab.verdicts import TAGS, RaterVerdict, Verdicts
from veason.libraries import library_imports
from veason.studio.server.guard import OriginGuard

if TYPE_CHECKING:
    import polars as pl
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

LAB_WEB = Path(__file__).parent / "web"
THEME = Path(__file__).parent.parent / "studio" / "web" / "core" / "theme.css"

MOST_ROWS = 200
MOST_WIDTH = 1600
CARD = ("key", "video", "instruction", "jf", *(flag.name for flag in FLAGS))
"""Columns that a card of the gallery shows."""

Handler = Callable[["Request"], Awaitable["Response"]]


@dataclass
class Room:
    """A lab that is open: runs and pictures that were looked at stay at hand."""

    lab: Lab
    pictures_of: dict[str, CasePictures] = field(default_factory=dict)

    def run(self, params: Mapping[str, str], name: str = "run") -> Run:
        """Return the run that a request names. Raises OptionError where it names none."""
        if not params.get(name):
            raise OptionError(f"wanted {name}=NAME: the runs are {', '.join(self.lab.names()) or 'none yet'}")
        return self.lab.run(params[name])

    def pictures(self, run: Run) -> CasePictures:
        """Return the pictures of a run. Raises DataError where its dataset is gone."""
        known = self.pictures_of.get(run.info.name)
        if known is None or known.run is not run:  # a run of another time may have had the name
            known = self.pictures_of[run.info.name] = CasePictures.of(run)
        return known


def lab_app(lab: Lab, *, hosts: tuple[str, ...] = ()) -> Starlette:
    """Return the web application of a lab. `hosts` are further names by which it may be called."""
    with library_imports():
        from starlette.applications import Starlette
        from starlette.middleware import Middleware
        from starlette.middleware.gzip import GZipMiddleware
        from starlette.responses import FileResponse
        from starlette.routing import Mount, Route
        from starlette.staticfiles import StaticFiles
    room = Room(lab)

    async def page(request: Request) -> Response:
        return FileResponse(LAB_WEB / "lab.html", headers={"cache-control": "no-cache"})

    async def theme(request: Request) -> Response:
        return FileResponse(THEME, headers={"cache-control": "no-cache"})

    asked = {name: _answering(room, look_up) for name, look_up in LAB_LOOK_UPS.items()}
    changed = {name: _changing(room, change) for name, change in CHANGES.items()}
    return Starlette(
        routes=[
            Route("/", page),
            Route("/theme.css", theme),
            *(Route(f"/api/{name}", handler) for name, handler in asked.items()),
            *(Route(f"/api/{name}", handler, methods=["POST"]) for name, handler in changed.items()),
            Mount("/web", StaticFiles(directory=LAB_WEB)),
        ],
        middleware=[
            Middleware(OriginGuard, is_public=False, is_local=not hosts, hosts=hosts),
            Middleware(GZipMiddleware, minimum_size=2000),
        ],
    )


# --- what the page asks for


def about(room: Room, params: Mapping[str, str]) -> dict[str, Any]:
    """Return the runs, what can be asked for, the tags of verdicts, and the saved views."""
    return {
        "runs": [asdict(run.info) for run in room.lab],
        "columns": [
            {"name": one.name, "kind": one.kind, "meaning": one.meaning, "sorts": not one.is_long} for one in COLUMNS
        ],
        "flags": [{"name": flag.name, "meaning": flag.meaning} for flag in FLAGS],
        "tags": [{"name": name, "meaning": meaning} for name, meaning in TAGS.items()],
        "views": room.lab.views(),
    }


def cases(room: Room, params: Mapping[str, str]) -> dict[str, Any]:
    """Return a page of the cases that fit, how many there are, and how often each flag is raised among them."""
    found = _found(room, params)
    start = max(_whole(params, "offset", 0), 0)
    limit = min(max(_whole(params, "limit", 60), 1), MOST_ROWS)
    names = [name for name in (*CARD, "other_jf") if name in found.columns]
    raised = found.select([flag.name for flag in FLAGS]).sum().row(0, named=True)
    return {
        "total": len(found),
        "rows": found.slice(start, limit).select(names).to_dicts(),
        "flags": {name: count or 0 for name, count in raised.items()},
    }


def case(room: Room, params: Mapping[str, str]) -> dict[str, Any]:
    """Return everything about one case: its row, the claims of its reasoning, overlaps by frame, and verdicts."""
    run = room.run(params)
    key = params.get("key", "")
    row = run.case(key)
    pictures = room.pictures(run)
    frame = pictures.moment(row)
    sample = pictures.samples[key]
    others = [name for name in room.lab.names() if name != run.info.name]
    rewards = explained(pictures, row)
    dataset = run.info.dataset["fingerprint"]
    same = [name for name in others if room.lab.run(name).info.dataset["fingerprint"] == dataset]
    return {
        "case": row,
        "frame": frame,
        "num_frames": len(sample.frame_names),
        "claims": [asdict(claim) for claim in judged_claims(pictures, row)],
        "overlaps": pictures.overlaps(key),
        "rewards": rewards and rewards.as_values(),
        "group": group_of(pictures, row),
        "others": same,
        "verdicts": [asdict(one) for one in Verdicts(room.lab.folder).of_run(run.info.name) if one.key == key],
    }


def comparison(room: Room, params: Mapping[str, str]) -> dict[str, Any]:
    """Return the differences of two runs in J&F and in every flag, with intervals."""
    first, second = room.run(params), room.run(params, "other")
    figures = ("jf", *(flag.name for flag in FLAGS))
    slices = default_slices(first)
    if params.get("query", "").strip():
        slices = {params["query"]: params["query"]}
    rows = compare(first, second, figures=figures, slices=slices)
    return {"rows": [{**asdict(one), "is_difference": one.is_difference} for one in rows]}


def summary(room: Room, params: Mapping[str, str]) -> dict[str, Any]:
    """Return the means of a run with their intervals, and how often each flag is raised."""
    run = room.run(params)
    return {
        "means": {name: asdict(one) for name, one in mean_figures(run).items()},
        "flags": [{**asdict(one), "percent": one.percent} for one in count_flags(run)],
    }


def picture(room: Room, params: Mapping[str, str]) -> bytes:
    """Return one frame of a case as JPEG; without a frame, the one that tells most.

    `layer` is one of `LAYERS`; `boxes=matched` draws the boxes that the rewards compare, `boxes=N` those of the answer
    with that number in the group of drawn answers.
    """
    run = room.run(params)
    row = run.case(params.get("key", ""))
    pictures = room.pictures(run)
    frame = _whole(params, "frame", -1)
    shown = frame if frame >= 0 else pictures.moment(row)
    count = len(pictures.samples[row["key"]].frame_names)
    if shown >= count:
        raise OptionError(f"the video has frames 0 to {count - 1}, got {shown}")
    width = min(max(_whole(params, "width", 640), 64), MOST_WIDTH)
    layer = next((one for one in LAYERS if one == (params.get("layer") or "both")), None)
    if layer is None:
        raise OptionError(f"layer is one of {', '.join(LAYERS)}, got {params['layer'][:40]!r}")
    stream = io.BytesIO()
    boxes = boxes_to_draw(pictures, row, params.get("boxes", ""), shown)
    pictures.draw(row, shown, width=width, layer=layer, boxes=boxes).save(stream, "JPEG", quality=85)
    return stream.getvalue()


def _found(room: Room, params: Mapping[str, str]) -> pl.DataFrame:
    """Return the cases of the request's run that fit its query, sorted as it says; with another run, paired with it."""
    run = room.run(params)
    query = params.get("query", "")
    if params.get("other"):
        with library_imports():
            import polars as pl
        found = pair_runs(run, room.run(params, "other"), query).with_columns(pl.col("jf_2").alias("other_jf"))
    else:
        table = run.with_columns(columns_named(query)) if query.strip() else run.table
        found = table.filter(compile_query(query)) if query.strip() else table
    sort = params.get("sort", "")
    if not sort:
        return found
    if sort != "change" and (sort not in BY_NAME or BY_NAME[sort].is_long):
        raise OptionError(f"cannot sort by {sort!r}: choose a short column")
    if sort == "change":
        if "other_jf" not in found.columns:
            raise OptionError("sorting by change needs another run beside")
        found = found.with_columns((found.get_column("other_jf") - found.get_column("jf")).alias("change"))
    return found.sort(sort, descending=params.get("descending") == "1", nulls_last=True, maintain_order=True)


def _whole(params: Mapping[str, str], name: str, default: int) -> int:
    text = params.get(name, "")
    if not text:
        return default
    if not text.lstrip("-").isascii() or not text.lstrip("-").isdigit() or len(text) > 9:
        raise OptionError(f"{name} is a whole number, got {text[:40]!r}")
    return int(text)


LAB_LOOK_UPS: dict[str, Callable[[Room, Mapping[str, str]], dict[str, Any] | bytes]] = {
    "about": about,
    "cases": cases,
    "case": case,
    "comparison": comparison,
    "summary": summary,
    "picture": picture,
}


# --- what the page changes


def verdict(room: Room, body: Mapping[str, Any]) -> dict[str, Any]:
    """Keep a verdict of a rater on a case."""
    texts = _texts(body, "run", "key", "rater", "tag", "note")
    room.lab.run(texts["run"]).case(texts["key"])
    said = RaterVerdict(texts["run"], texts["key"], texts["rater"], texts["tag"], texts["note"])
    return asdict(Verdicts(room.lab.folder).add(said))


def view(room: Room, body: Mapping[str, Any]) -> dict[str, Any]:
    """Keep a query under a name; an empty one forgets it."""
    texts = _texts(body, "name", "query")
    if texts["query"].strip():
        compile_query(texts["query"])
    room.lab.save_view(texts["name"], texts["query"])
    return {"views": room.lab.views()}


def _texts(body: Mapping[str, Any], *names: str) -> dict[str, str]:
    texts = {name: body.get(name, "") for name in names}
    if not all(isinstance(text, str) and len(text) <= 4000 for text in texts.values()):
        raise OptionError(f"wanted texts of at most 4,000 characters for {', '.join(names)}")
    return texts


CHANGES: dict[str, Callable[[Room, Mapping[str, Any]], dict[str, Any]]] = {"verdict": verdict, "view": view}


# --- how they travel


def _answering(room: Room, look_up: Callable[[Room, Mapping[str, str]], dict[str, Any] | bytes]) -> Handler:
    from starlette.concurrency import run_in_threadpool
    from starlette.responses import Response

    async def handle(request: Request) -> Response:
        try:
            found = await run_in_threadpool(look_up, room, dict(request.query_params))
        except VeasonError as error:
            return _refused(error)
        if isinstance(found, bytes):
            return Response(found, media_type="image/jpeg", headers={"cache-control": "max-age=3600"})
        return Response(as_json(found), media_type="application/json")

    return handle


def _changing(room: Room, change: Callable[[Room, Mapping[str, Any]], dict[str, Any]]) -> Handler:
    from starlette.concurrency import run_in_threadpool
    from starlette.responses import Response

    async def handle(request: Request) -> Response:
        try:
            if not request.headers.get("content-type", "").startswith("application/json"):
                raise OptionError("what changes something is sent as application/json")
            body = await request.body()
            sent = json.loads(body) if len(body) <= 20_000 else None
            if not isinstance(sent, dict):
                raise OptionError("wanted a JSON object of at most 20,000 bytes")
            return Response(as_json(await run_in_threadpool(change, room, sent)), media_type="application/json")
        except VeasonError as error:
            return _refused(error)
        except (ValueError, RecursionError):
            return _refused(OptionError("the body is not JSON"))

    return handle


def as_json(value: Any) -> bytes:
    """Return a value as JSON that every browser reads: what is not a number becomes null."""
    return json.dumps(_finite(value), ensure_ascii=False, allow_nan=False).encode()


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if value - value == 0 else None
    if isinstance(value, dict):
        return {name: _finite(one) for name, one in value.items()}
    return [_finite(one) for one in value] if isinstance(value, list | tuple) else value


def _refused(error: VeasonError) -> Response:
    from starlette.responses import Response

    status = 404 if isinstance(error, DataError) else 400
    return Response(as_json({"error": str(error)}), status_code=status, media_type="application/json")
