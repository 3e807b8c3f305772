"""The reward service: the numbers of `veason.rewards`, many at once, through a killed replica, and for nobody else."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
import pytest
from PIL import Image

from tests.rewards_on_clips import EXAMPLES, InProcess, digest, make_case, near_boxes, serving, write_answer
from tests.standins import BoxFiller
from veason.cli import main
from veason.errors import DataError, EndpointError, OptionError, PromptError, VeasonError
from veason.formats.grpo.truth import write_truth
from veason.masks import encode_mask
from veason.reward_service.batching import Batcher, Busy
from veason.reward_service.client import RewardClient
from veason.reward_service.footage import FootageIndex, UnknownFootage
from veason.reward_service.functions import REWARD_NAMES, score_answer, trl_rewards, verl_reward
from veason.reward_service.question import MOST_SHOWN, TracksQuestion, parse_question
from veason.reward_service.scorer import TrackScorer
from veason.reward_service.server import ServiceSettings, make_app
from veason.rewards import EXTENDED, PAPER, UPSTREAM, RewardRules, total_reward
from veason.segmenter import load_segmenter
from veason.types import Box

CLIPS = ("chase.mp4", "collide.mp4", "hide.mp4")


def question(seed: int, count: int = 1, clip: str = "chase.mp4") -> TracksQuestion:
    case = make_case(EXAMPLES / clip, 0)
    context = case.context
    width, height = context.source_wh
    boxes = [scaled(box, width, height) for box in near_boxes(case, seed, count)]
    return TracksQuestion(
        digest(clip), context.shown, context.shown[1], tuple(boxes), context.source_wh, dict(case.objects[0])
    )


def scaled(box: Sequence[float], width: int, height: int) -> Box:
    return Box(*(side * length / 112 for side, length in zip(box, (width, height) * 2, strict=True)))


@pytest.fixture(scope="module")
def service() -> Any:
    with serving("--footage", str(EXAMPLES)) as (url, _):
        yield url


@pytest.mark.parametrize("rules", [PAPER, UPSTREAM, EXTENDED], ids=lambda rules: rules.name)
def test_the_rewards_are_those_of_this_process(service: str, tmp_path: Path, rules: RewardRules) -> None:
    segmenter = load_segmenter("nano")
    asked, wanted = [], []
    for seed, clip in enumerate(CLIPS):
        case = make_case(EXAMPLES / clip, seed)
        propagate = InProcess(segmenter, EXAMPLES / clip, case.context.shown, tmp_path / clip)
        boxes = near_boxes(case, seed, 3)
        for answer in (
            write_answer(case, boxes[:1]),
            write_answer(case, boxes),
            write_answer(case, [*boxes[:1], [100, 100, 111, 111]]),
            write_answer(case, [[0, 0, 0, 0]]),
            write_answer(case, []),
            write_answer(case, boxes, keyframe=case.context.shown[-1]),
            write_answer(case, boxes, keyframe=case.context.shown[1] + 1),
            "no answer at all",
        ):
            asked.append((answer, case, digest(clip)))
            wanted.append(total_reward(answer, case, propagate, rules))

    async def ask() -> list[Any]:
        client = RewardClient(service)
        return await asyncio.gather(*(score_answer(*one, client, rules) for one in asked))

    assert asyncio.run(ask()) == wanted
    assert any(one.tracks.value > 0 for one in wanted)


def test_sixty_four_at_once_get_what_each_gets_alone(service: str) -> None:
    questions = [question(seed % 40, 1 + seed % 2) for seed in range(64)]

    async def together() -> list[dict[int, float]]:
        client = RewardClient(service)
        return await asyncio.gather(*map(client.frame_iou, questions))

    async def one_by_one() -> list[dict[int, float]]:
        client = RewardClient(service)
        return [await client.frame_iou(one) for one in questions]

    found = asyncio.run(together())
    assert asyncio.run(one_by_one()) == found
    segmenter = load_segmenter("nano")
    footage = FootageIndex([EXAMPLES])
    alone = [TrackScorer(segmenter, footage).score([one])[0] for one in questions[::16]]
    assert alone == found[::16]
    assert len({tuple(one.items()) for one in found}) > 20


def children(pid: int) -> list[int]:
    replicas = [child for child in psutil.Process(pid).children() if "spawn_main" in " ".join(child.cmdline())]
    return [child.pid for child in replicas]


def test_a_killed_replica_costs_a_retry(tmp_path: Path) -> None:
    async def ask(client: RewardClient, process: subprocess.Popen[str]) -> list[dict[int, float]]:
        await client.health()
        before = children(process.pid)
        asked = [asyncio.create_task(client.frame_iou(question(seed, 2))) for seed in range(24)]
        await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED, timeout=0.5)
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        found = await asyncio.gather(*asked)
        assert before
        assert not set(before) & set(children(process.pid))
        return list(found)

    with serving("--footage", str(EXAMPLES)) as (url, process):
        client = RewardClient(url)
        found = asyncio.run(ask(client, process))
    assert client.retries
    scorer = TrackScorer(load_segmenter("nano"), FootageIndex([EXAMPLES]))
    assert scorer.score([question(seed, 2) for seed in range(24)]) == found


def test_nobody_answers_and_the_client_says_what_to_start() -> None:
    client = RewardClient("http://127.0.0.1:9", patience_s=0.1)
    with pytest.raises(EndpointError, match="veason reward-service"):
        asyncio.run(client.health())


Ask = Callable[[httpx.AsyncClient], Awaitable[httpx.Response]]


def ask_app(ask: Ask, footage: Path = EXAMPLES, name: str = "http://127.0.0.1", **settings: Any) -> httpx.Response:
    async def run() -> httpx.Response:
        app = make_app(ServiceSettings((footage,), segmenter="nano", **settings))
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=name) as client,
        ):
            return await ask(client)

    return asyncio.run(run())


GOOD = question(0).as_json()


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        pytest.param([], 422, "a question is an object with", id="a-list"),
        pytest.param({**GOOD, "path": "/etc/passwd"}, 422, "a question is an object with", id="a-path"),
        pytest.param({**GOOD, "footage": "../../etc/passwd"}, 422, "a SHA-256", id="a-path-for-a-digest"),
        pytest.param({**GOOD, "footage": "0" * 64}, 404, "no footage has the digest", id="unknown-footage"),
        pytest.param({**GOOD, "shown": []}, 422, "ascending frame indices", id="nothing-shown"),
        pytest.param({**GOOD, "shown": list(range(MOST_SHOWN + 1))}, 422, "at most 64", id="too-many-frames"),
        pytest.param({**GOOD, "shown": [0, True]}, 422, "whole numbers from 0", id="a-flag-as-frame"),
        pytest.param({**GOOD, "shown": [0, 10**6], "keyframe": 0, "truth": {}}, 422, "frames, frame", id="beyond-end"),
        pytest.param({**GOOD, "keyframe": -1}, 422, "one of the frames shown", id="keyframe-not-shown"),
        pytest.param({**GOOD, "boxes": []}, 422, "1 to 120 boxes", id="no-boxes"),
        pytest.param({**GOOD, "boxes": [[0, 0, 1, 1]] * 121}, 422, "1 to 120 boxes", id="too-many-boxes"),
        pytest.param({**GOOD, "boxes": [[0, 0, 1, "1"]]}, 422, "four numbers", id="a-text-in-a-box"),
        pytest.param({**GOOD, "boxes": [[0, 0, 1, 10**400]]}, 422, "finite", id="a-number-beyond-floats"),
        pytest.param({**GOOD, "boxes": [[5, 0, 1, 1]]}, 422, "swap the corners", id="swapped-corners"),
        pytest.param({**GOOD, "boxes": [[900, 900, 901, 901]]}, 422, "", id="box-outside"),
        pytest.param({**GOOD, "size": [100_000, 100_000], "truth": {}}, 422, "at most", id="too-large"),
        pytest.param({**GOOD, "size": [3, 3], "truth": {}}, 422, "the footage has frames of", id="another-size"),
        pytest.param({**GOOD, "truth": {"7": "0"}}, 422, "none of the frames shown", id="truth-not-shown"),
        pytest.param({**GOOD, "truth": {"0": "zzz"}}, 422, "run", id="broken-truth"),
        pytest.param({**GOOD, "truth": {"0": "é"}}, 422, "not run-length code", id="truth-in-letters"),
    ],
)  # fmt: skip
def test_what_is_no_question_is_refused(body: Any, status: int, told: str, ready: Any) -> None:
    response = ready(lambda client: client.post("/v1/tracks", json=body))
    assert response.status_code == status
    assert told in response.json()["error"]


@pytest.fixture(scope="module")
def ready() -> Any:
    """Asks one application again and again: its segmenter is loaded once."""
    loop = asyncio.new_event_loop()
    app = make_app(ServiceSettings((EXAMPLES,), segmenter="nano"))
    context = app.router.lifespan_context(app)
    loop.run_until_complete(context.__aenter__())

    def ask(what: Ask) -> httpx.Response:
        async def run() -> httpx.Response:
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
                return await what(client)

        return loop.run_until_complete(run())

    yield ask
    loop.run_until_complete(context.__aexit__(None, None, None))
    loop.close()


def test_a_request_without_end_and_one_that_is_not_json_are_refused(ready: Any) -> None:
    response = ready(lambda client: client.post("/v1/tracks", content=b"[" * (17 * 2**20)))
    assert response.status_code == 413
    response = ready(lambda client: client.post("/v1/tracks", content=b"[" * 200_000))
    assert (response.status_code, response.json()["error"]) == (422, "the request is not JSON")


def test_another_name_of_this_machine_is_not_answered_without_a_token() -> None:
    """A page of a stranger in a browser of this machine comes under the stranger's name (DNS rebinding)."""
    response = ask_app(lambda client: client.post("/v1/tracks", json=GOOD), name="http://evil.example")
    assert response.status_code == 401
    response = ask_app(lambda client: client.get("/health"), name="http://evil.example")
    assert response.json() == {"status": "ok"}


@pytest.mark.parametrize("header", [{"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
def test_a_strangers_page_in_a_browser_of_this_machine_is_not_answered(header: dict[str, str]) -> None:
    response = ask_app(lambda client: client.post("/v1/tracks", json=GOOD, headers=header))
    assert response.status_code == 401


def test_many_digests_that_nobody_has_cost_one_look_at_the_folders(ready: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[FootageIndex] = []
    scan = FootageIndex.scan
    monkeypatch.setattr(FootageIndex, "scan", lambda self, *more: looks.append(self) or scan(self, *more))
    unknown = [f"{number:064x}" for number in range(64)]
    answer = ready(lambda client: client.post("/v1/footage", json={"digests": [*unknown, digest("chase.mp4")]})).json()
    assert answer["missing"] == unknown
    assert list(answer["found"]) == [digest("chase.mp4")]
    assert len(looks) == 1
    for odd in ("\ud800", "x" * 64, ""):
        body = json.dumps({"digests": [odd]})
        assert ready(lambda client, body=body: client.post("/v1/footage", content=body)).status_code == 422


@pytest.mark.parametrize(
    ("said", "status"), [("Bearer secret", 200), ("Bearer other", 401), ("", 401), ("secret", 401)]
)
def test_a_token_is_wanted_where_there_is_one(said: str, status: int) -> None:
    response = ask_app(
        lambda client: client.post("/v1/tracks", json=GOOD, headers={"Authorization": said}),
        name="http://a.machine", token="secret",
    )  # fmt: skip
    assert response.status_code == status


def test_nobody_but_this_machine_may_ask_without_a_token(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(OptionError, match="--token-file"):
        ServiceSettings((EXAMPLES,), host="0.0.0.0")
    assert main(["reward-service", "--footage", str(EXAMPLES), "--host", "0.0.0.0"]) == 2
    assert "--token-file" in capsys.readouterr().err


def test_the_footage_that_a_service_has_is_told(service: str) -> None:
    known = asyncio.run(RewardClient(service).footage([digest("chase.mp4"), "0" * 64]))
    assert list(known) == [digest("chase.mp4")]
    case = make_case(EXAMPLES / "chase.mp4", 0)
    assert known[digest("chase.mp4")] == (case.context.num_frames, case.context.source_wh)


def make_frames(folder: Path, seed: int = 0) -> str:
    from veason.project.videos import hash_video

    folder.mkdir(parents=True)
    draw = np.random.default_rng(seed)
    for index in range(3):
        Image.fromarray(draw.integers(0, 255, (24, 32, 3), np.uint8)).save(folder / f"{index:05d}.png")
    return hash_video(folder)


def test_footage_that_comes_later_is_found_and_what_was_changed_is_refused(tmp_path: Path) -> None:
    first = make_frames(tmp_path / "footage" / "a" / "b")
    footage = FootageIndex([tmp_path / "footage"])
    assert footage.find(first) == tmp_path / "footage" / "a" / "b"
    later = make_frames(tmp_path / "footage" / "later", 1)
    assert footage.find(later) == tmp_path / "footage" / "later"
    shutil.copy(tmp_path / "footage" / "later" / "00000.png", tmp_path / "footage" / "a" / "b" / "00000.png")
    with pytest.raises(UnknownFootage, match=first):
        footage.find(first)


def test_an_index_spares_reading_footage_again_unless_it_changed(tmp_path: Path) -> None:
    first = make_frames(tmp_path / "footage" / "a")
    index = tmp_path / "index.json"
    footage = FootageIndex([tmp_path / "footage"], index)
    footage.scan()
    footage.save(index)
    index.write_text(index.read_text().replace(first, "f" * 64))
    assert FootageIndex([tmp_path / "footage"], index).find("f" * 64)
    os.utime(tmp_path / "footage" / "a" / "00000.png", (1, 1))
    assert FootageIndex([tmp_path / "footage"], index).find(first)
    index.write_text("{}")
    with pytest.raises(DataError, match="no index of footage"):
        FootageIndex([tmp_path / "footage"], index)


class Counting(BoxFiller):
    """Counts what it is asked for, and refuses small boxes, as others refuse empty ones."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def track(self, video: Any, prompts: Any, **others: Any) -> Any:
        self.asked.append(len(prompts))
        if any(prompt.box is not None and prompt.box.area < 1 for prompt in prompts):
            raise PromptError("a box without area")
        return super().track(video, prompts, **others)


def test_boxes_of_one_frame_are_tracked_together_and_once(tmp_path: Path) -> None:
    footage, segmenter = make_frames(tmp_path / "footage"), Counting()
    scorer = TrackScorer(segmenter, FootageIndex([tmp_path / "footage"]))
    masks = {0: encode_mask(np.ones((24, 32), bool))}

    def asked(*boxes: Box, keyframe: int = 0) -> TracksQuestion:
        return TracksQuestion(footage, (0, 2), keyframe, boxes, (32, 24), masks)

    left, right, bad = Box(0, 0, 16, 24), Box(16, 0, 32, 24), Box(3, 3, 3, 3)
    half, whole, other = scorer.score([asked(left), asked(left, right), asked(right, keyframe=2)])
    assert (half, whole, other) == ({0: 0.5, 2: 0.0}, {0: 1.0, 2: 0.0}, {0: 0.5, 2: 0.0})
    assert segmenter.asked == [2, 1]
    assert scorer.score([asked(right, left)]) == [whole]
    assert segmenter.asked == [2, 1]
    good, refused = scorer.score([asked(Box(0, 0, 8, 24)), asked(left, bad)])
    assert good == {0: 0.25, 2: 0.0}
    assert isinstance(refused, PromptError)
    assert (scorer.tally.questions, scorer.tally.cached) == (6, 3)


def test_more_than_may_wait_are_sent_away_and_come_again() -> None:
    async def run() -> None:
        begun, go_on = asyncio.Event(), asyncio.Event()
        loop = asyncio.get_running_loop()

        def work(questions: Sequence[int]) -> Sequence[int | VeasonError]:
            loop.call_soon_threadsafe(begun.set)
            asyncio.run_coroutine_threadsafe(go_on.wait(), loop).result()
            return [PromptError("three") if one == 3 else 10 * one for one in questions]

        batcher: Batcher[int, int] = Batcher(work, most=4, waiting=2)
        batcher.start()
        first = asyncio.create_task(batcher.ask(1))
        await begun.wait()
        waiting = [asyncio.create_task(batcher.ask(one)) for one in (2, 3)]
        await asyncio.sleep(0)
        with pytest.raises(Busy):
            await batcher.ask(4)
        go_on.set()
        assert await first == 10
        assert await asyncio.gather(*waiting, return_exceptions=True) == [20, waiting[1].exception()]
        assert isinstance(waiting[1].exception(), PromptError)
        await batcher.stop()

    asyncio.run(run())


def test_verl_and_trl_call_the_same_rewards(service: str, tmp_path: Path) -> None:
    case = make_case(EXAMPLES / "hide.mp4", 5)
    truth = write_truth(case, None, digest("hide.mp4"))
    texts = [write_answer(case, near_boxes(case, seed, 2)) for seed in range(3)] + ["nothing"]
    token = tmp_path / "token"
    token.write_text("any word\n")
    with pytest.raises(OptionError, match="one word"):
        asyncio.run(verl_reward("veason", texts[0], truth, service=service, token_file=str(token)))

    async def ask_verl() -> list[dict[str, float]]:
        return [
            await verl_reward(
                "veason", text, truth, {"index": 0}, service=service, rules="extended", reward_router=None
            )
            for text in texts
        ]

    async def ask_trl() -> list[list[float]]:
        functions = trl_rewards(RewardClient(service), EXTENDED)
        completions = [[{"role": "assistant", "content": text}] for text in texts]
        asked = (one(completions=completions, ground_truth=[truth] * 4, prompts=None) for one in functions)
        return list(await asyncio.gather(*asked))

    propagate = InProcess(load_segmenter("nano"), EXAMPLES / "hide.mp4", case.context.shown, tmp_path / "shown")
    wanted = [total_reward(text, case, propagate, EXTENDED) for text in texts]
    assert asyncio.run(ask_verl()) == [
        {"score": one.total, **{term: getattr(one, term).value for term in REWARD_NAMES}} for one in wanted
    ]
    assert asyncio.run(ask_trl()) == [[getattr(one, term).value for one in wanted] for term in REWARD_NAMES]


def test_a_question_survives_the_way_there() -> None:
    asked = question(3, 2)
    assert parse_question(json.loads(json.dumps(asked.as_json()))) == asked
