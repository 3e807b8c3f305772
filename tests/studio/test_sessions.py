"""What gradio keeps of every page that was ever open is bounded."""

from __future__ import annotations

from pathlib import Path

import httpx

from veason.studio.server.app import serve
from veason.studio.server.page import MOST_SESSIONS
from veason.studio.server.settings import Settings


def test_of_pages_that_were_open_once_only_the_last_ones_are_kept(tmp_path: Path) -> None:
    settings = Settings(policy="scripted", segmenter="nano", visitors=tmp_path)
    page = serve(settings, host="127.0.0.1", port=None, open_browser=False, block=False)
    try:
        component = next(one for one in page.get_config_file()["components"] if one["props"].get("elem_id") == "studio")
        with httpx.Client(base_url=page.local_url) as client:
            for number in range(MOST_SESSIONS + 40):
                sent = {"session_hash": f"page{number}", "component_id": component["id"], "fn_name": "pulse"}
                answer = client.post("gradio_api/component_server", json={**sent, "data": {"tab": f"page{number}"}})
                assert answer.status_code == 200
        kept = page.state_holder.session_data
        assert len(kept) == MOST_SESSIONS
        assert f"page{MOST_SESSIONS + 39}" in kept
    finally:
        page.close(verbose=False)
