"""Clips with any name: uploaded, labelled and downloaded, with the very name and the very masks."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.conftest import App, new_visitor, open_page
from tests.browser.studio import LONG, drag, expect_masks, lane, press, propagate, set_range, upload
from veason.masks import decode_mask
from veason.project import Project

pytestmark = pytest.mark.browser

CLIP = Path(__file__).parents[1] / "cases" / "clip.mp4"
NAMES = [
    "a%20b 100%.mp4",
    "a#b?c=d&e+f.mp4",
    'it\'s "one" <clip>.mp4',
    "מכונית 球 café\u202f🚗\u200d.mp4",
    f"{'ö' * 125}x.mp4",
]


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    folder = tmp_path_factory.mktemp("names")
    one = App(folder, "--project", str(folder / "labels"))
    one.start()
    yield one
    one.stop()


def variant(folder: Path, name: str, number: int) -> Path:
    """Return a clip of that name with a content of its own."""
    path = folder / name
    path.write_bytes(CLIP.read_bytes() + bytes(16 + number))
    return path


def test_any_name_comes_back_byte_for_byte(app: App, browser: object, tmp_path: Path) -> None:
    with new_visitor(browser) as visitor:  # type: ignore[arg-type]
        for number, name in enumerate(NAMES):
            page = open_page(visitor, app.url)
            upload(page, str(variant(tmp_path, name, number)))
            expect(page.get_by_role("application", name="Video frame 0 of")).to_be_visible(timeout=LONG)
            press(page, "r")
            drag(page, (0.2, 0.2), (0.6, 0.7))
            expect(lane(page, 1)).to_be_visible(timeout=LONG)
            set_range(page, 0, 1)
            propagate(page)
            expect_masks(page, 1, 2)
            expect(page.get_by_role("button", name="Stop")).to_be_disabled(timeout=LONG)
            with zipfile.ZipFile(io.BytesIO(masks_of(page))) as archive:
                pictures = {one: np.array(Image.open(io.BytesIO(archive.read(one)))) for one in archive.namelist()}
            with Project.open(app.log.parent / "labels") as project:
                video = project.library.videos()[-1]
                assert video.path.name.endswith(name)
                (question,) = project.library.questions(video_id=video.id)
                stored = {one.frame_index: decode_mask(one.rle) for one in project.labels.masks(question.id)}
            stem = name.removesuffix(".mp4")
            assert set(pictures) == {f"Annotations/{stem}/{index:05d}.png" for index in stored}
            for index, mask in stored.items():
                assert np.array_equal(pictures[f"Annotations/{stem}/{index:05d}.png"] == 1, mask)
            page.close()


def masks_of(page: Page) -> bytes:
    """Download the masks; "saved" is said once they are here."""
    page.get_by_text("Download", exact=True).click()
    with page.expect_download(timeout=LONG) as download:
        page.get_by_role("button", name="Masks palette").click()
    content = Path(download.value.path()).read_bytes()
    expect(page.get_by_text("saved ").first).to_be_visible()
    return content


def test_a_download_that_does_not_arrive_is_not_called_saved(app: App, browser: object, tmp_path: Path) -> None:
    with new_visitor(browser) as visitor:  # type: ignore[arg-type]
        page = open_page(visitor, app.url)
        upload(page, str(variant(tmp_path, "one more.mp4", 99)))
        expect(page.get_by_role("application", name="Video frame 0 of")).to_be_visible(timeout=LONG)
        press(page, "r")
        drag(page, (0.2, 0.2), (0.6, 0.7))
        expect(lane(page, 1)).to_be_visible(timeout=LONG)
        expect(page.get_by_role("button", name="Stop")).to_be_disabled(timeout=LONG)
        # Files alone: the page's own script, which it asks for to see whether the server is there, lies there too.
        visitor.route("**/gradio_api/file=**.zip", lambda route: route.abort())
        page.get_by_text("Download", exact=True).click()
        page.get_by_role("button", name="Masks palette").click()
        expect(page.get_by_text("did not arrive")).to_be_visible(timeout=LONG)
        assert not page.get_by_text("saved one more").is_visible()
