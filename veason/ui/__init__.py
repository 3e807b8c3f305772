"""The app. Only this package knows gradio; importing the package itself does not load it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    """What the app runs on; None means the best that is already here (see `veason.policy`, `veason.segmenter`).

    `max_upload_mb` bounds an upload, `max_works` how many videos the server keeps open for its visitors at once.
    """

    policy: str | None = None
    profile: str | None = None
    quantization: str | None = None
    segmenter: str | None = None
    segmenter_config: str | None = None
    device: str = "auto"
    max_upload_mb: int = 500
    max_works: int = 32


def launch(settings: Settings, *, host: str = "127.0.0.1", port: int | None = None, open_browser: bool = True) -> None:
    """Load the models, build the page and serve it until interrupted."""
    from veason.ui.layout import serve

    serve(settings, host=host, port=port, open_browser=open_browser)
