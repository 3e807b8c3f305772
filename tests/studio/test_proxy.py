"""Behind nginx under /veason, with the file that is shipped: the page, uploads, streams, downloads, TLS, sign-in."""

from __future__ import annotations

import re
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from gradio_client import Client, handle_file

from tests.studio.served import served
from veason.hub import ASSETS
from veason.studio.server.deployment import Deployment

ROOT = Path(__file__).parent.parent.parent
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
CLIP = ASSETS / "examples" / "parade.mp4"

pytestmark = pytest.mark.skipif(NGINX is None or shutil.which("openssl") is None, reason="nginx or openssl is not here")


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def configuration(folder: Path, upstream: int, plain: int, secure: int) -> str:
    """Return the shipped file, once as it is and once with TLS, on ports of ours."""
    shipped = (
        (ROOT / "deploy" / "nginx.conf").read_text(encoding="utf-8").replace("veason:7860", f"127.0.0.1:{upstream}")
    )
    assert "listen 80;" in shipped
    with_tls = f"listen 127.0.0.1:{secure} ssl; ssl_certificate {folder}/tls.pem; ssl_certificate_key {folder}/tls.key;"
    servers = shipped.replace("listen 80;", f"listen 127.0.0.1:{plain};") + shipped.replace("listen 80;", with_tls)
    places = "".join(
        f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return (
        f"daemon off; pid {folder}/pid; error_log {folder}/error.log; user root; worker_processes 1;\n"
        f"events {{ worker_connections 256; }}\nhttp {{ access_log off; {places}\n{servers}\n}}\n"
    )


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, int]]:
    folder = tmp_path_factory.mktemp("proxy")
    plain, secure = free_port(), free_port()
    key = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"]
    key += [
        "-addext",
        "subjectAltName=DNS:localhost",
        "-keyout",
        str(folder / "tls.key"),
        "-out",
        str(folder / "tls.pem"),
    ]
    subprocess.run(key, check=True, capture_output=True)
    with (
        served(
            visitors=folder / "visitors", deployment=Deployment(root_path="/veason", user_header="X-Forwarded-User")
        ) as own,
        proxied(folder, int(own.rpartition(":")[2]), plain, secure),
    ):
        yield plain, secure


@contextmanager
def proxied(folder: Path, own: int, plain: int, secure: int) -> Iterator[None]:
    """Run nginx before the server for the block."""
    assert NGINX is not None
    text = configuration(folder, own, plain, secure)
    # what a proxy that has asked who it is adds
    assert 'X-Forwarded-User ""' in text
    text = text.replace('X-Forwarded-User ""', "X-Forwarded-User ada")
    (folder / "nginx.conf").write_text(text)
    proxy = subprocess.Popen([NGINX, "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")])
    try:
        for _ in range(100):
            with socket.socket() as one:
                if one.connect_ex(("127.0.0.1", plain)) == 0:
                    break
            assert proxy.poll() is None, (folder / "error.log").read_text()
            time.sleep(0.05)
        yield
    finally:
        proxy.terminate()
        proxy.wait()


@pytest.fixture(scope="module")
def address(ports: tuple[int, int]) -> str:
    return f"http://127.0.0.1:{ports[0]}/veason"


def test_the_page_and_all_that_it_asks_for_are_below_the_path(address: str) -> None:
    page = httpx.get(f"{address}/")
    assert page.status_code == 200
    config = httpx.get(f"{address}/config").json()
    assert config["root"] == address
    (studio,) = [one for one in config["components"] if one["props"].get("elem_id") == "studio"]
    main = httpx.get(f"{address}/{studio['props']['props']['main']}")
    assert main.status_code == 200
    assert main.headers["content-type"].startswith("application/json")  # all modules in one file
    assert any(name == "main.js" for name, _ in main.json())
    for asset in re.findall(r'(?:src|href)="(\./[^"]+)"', page.text)[:6]:
        assert httpx.get(f"{address}/{asset[2:]}").status_code == 200, asset


def test_the_path_without_its_slash_leads_to_the_page(address: str) -> None:
    answer = httpx.get(address)
    assert (answer.status_code, answer.headers["location"]) == (301, f"{address}/")


def test_the_proxy_says_who_is_there(address: str) -> None:
    forged = {"X-Forwarded-User": "eve", "X-Veason-Name": "eve", "X-Veason-Role": "operator"}
    assert httpx.get(f"{address}/who", headers=forged).json() == {"name": "ada", "role": "annotator"}


def test_health_goes_through_and_metrics_do_not(address: str) -> None:
    assert httpx.get(f"{address}/health/ready").status_code == 200
    assert httpx.get(f"{address}/metrics").status_code == 404


def test_another_web_page_is_refused_behind_the_proxy_too(address: str) -> None:
    sent = {"data": [], "session_hash": "a", "fn_index": 0}
    join = f"{address}/gradio_api/queue/join"
    assert httpx.post(join, json=sent, headers={"Origin": "https://evil.example"}).status_code == 403
    own = address.removesuffix("/veason")
    assert httpx.post(join, json=sent, headers={"Origin": own}).status_code != 403


def test_a_program_uploads_streams_and_downloads_through_it(address: str, tmp_path: Path) -> None:
    client = Client(f"{address}/", verbose=False, download_files=str(tmp_path))
    job = client.submit(video=handle_file(CLIP), instruction="the latecomer", start=76, stop=80, api_name="/ask")
    result = job.result(timeout=240)
    kinds = list(dict.fromkeys(event["kind"] for event in job.outputs()))
    assert kinds == ["shown", "thought", "keyframe", "box", "answered", "masks", "result"]
    archive = Path(client.predict(run=result["run"], form="palette", api_name="/export"))
    assert archive.read_bytes()[:2] == b"PK"


def test_events_arrive_one_by_one_and_not_at_the_end(address: str) -> None:
    """A proxy that gathers what streams would let nobody watch a policy think."""
    with CLIP.open("rb") as file:
        (path,) = httpx.post(f"{address}/gradio_api/upload", files={"files": file}).json()
    data = [{"path": path, "meta": {"_type": "gradio.FileData"}}, "the latecomer", 0, 0.0, 0, 76, 90, False]
    event = httpx.post(f"{address}/gradio_api/call/ask", json={"data": data}).json()["event_id"]
    times = []
    with httpx.stream("GET", f"{address}/gradio_api/call/ask/{event}", timeout=240) as stream:
        for line in stream.iter_lines():
            if line.startswith("event: "):
                times.append(time.monotonic())
    assert len(times) > 10
    assert len({round(one, 2) for one in times}) > 5


def test_behind_tls_the_page_knows_that_it_is_secure(ports: tuple[int, int]) -> None:
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    config = httpx.get(f"https://127.0.0.1:{ports[1]}/veason/config", verify=trusting).json()
    assert config["root"] == f"https://127.0.0.1:{ports[1]}/veason"
