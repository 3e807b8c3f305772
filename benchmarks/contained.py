"""compose.yaml without an engine for containers: a server, nginx, and a program, each with a root and a network.

    sudo python .ci/dockerfile_in_root.py ROOT ...
    sudo python benchmarks/contained.py ROOT [--clip 01_dog] [--object dog]

The server runs what compose.yaml says, with --mcp, in the root that the Dockerfile's steps made: read-only, as a user
without rights, on a network that leads to the proxy and nowhere else. nginx runs the shipped file. The program has that
root once more (it has both clients), and a network that leads to the proxy alone. It signs in, and does what
`contained_client.py` says on a real clip of VEASON_REAL_CLIPS under /veason/. Gates:

    both clients      get masks of every frame asked for, and the exports
    same              gradio's client and that of MCP get the same masks
    IoU               at least 0.5 with the mask that a person drew on the frame of the box: the right place on the
                      right frame, from the embedded segmenter
    around the proxy  nobody gets to the server
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from report import write_result

from veason.masks import decode_mask, rle_from_coco
from veason.studio.server.access.people import hash_password, line_for

SOURCE = Path(__file__).parent.parent
INNER, OUTER = ("10.77.0.1", "10.77.0.2"), ("10.77.1.1", "10.77.1.2")
"""Addresses of the proxy and, on the other end, of the server; of the proxy and of the program."""

NO_RIGHTS = "--clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all"
LEAST_IOU = 0.5


def make_networks(stack: ExitStack) -> dict[str, str]:
    """Make a network for each of the three, joined as compose.yaml joins them; return their names."""
    names = {role: f"veason-{role}" for role in ("server", "proxy", "program")}
    for name in names.values():
        _run(f"ip netns add {name}")
        stack.callback(_run, f"ip netns delete {name}")
        _run(f"ip -n {name} link set lo up")
    for at, (role, addresses) in enumerate((("server", INNER), ("program", OUTER))):
        _run(f"ip link add veason{at}a netns {names['proxy']} type veth peer name veason{at}b netns {names[role]}")
        for name, end, address in ((names["proxy"], "a", addresses[0]), (names[role], "b", addresses[1])):
            _run(f"ip -n {name} address add {address}/24 dev veason{at}{end}")
            _run(f"ip -n {name} link set veason{at}{end} up")
    return names


def contained(
    network: str, root: Path, words: list[str], binds: dict[Path, str], environment: dict[str, str]
) -> list[str]:
    """Return the command that runs words in a network and a root, read-only but for /tmp and what is bound to /data."""
    steps = [f"mount --rbind --make-rslave {root} {root}"]
    steps += [f"mount -t tmpfs tmpfs {root}/{name}" for name in ("tmp", "run", "mnt")] + [
        f"mount -t proc proc {root}/proc"
    ]
    for source, target in binds.items():
        make = f"mkdir -p {root}{target}" if source.is_dir() else f"install -D /dev/null {root}{target}"
        steps += [make, f"mount --bind {source} {root}{target}"]
    steps += [f"mount -o remount,bind,ro {root}"]
    given = " ".join(shlex.quote(f"{key}={value}") for key, value in environment.items())
    inside = f"chroot {root} setpriv --reuid 10001 --regid 10001 {NO_RIGHTS} -- env -i {given} {shlex.join(words)}"
    script = " && ".join([*steps, f"cd / && exec {inside}"])
    return ["ip", "netns", "exec", network, "unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", script]


def server_words() -> list[str]:
    """Return what compose.yaml starts the server with, and --mcp."""
    import yaml

    compose = yaml.safe_load((SOURCE / "compose.yaml").read_text(encoding="utf-8"))
    command = compose["services"]["veason"]["command"].replace("${HOST_NAME:-localhost:8080}", OUTER[0])
    return ["veason", *shlex.split(command), "--mcp"]


def start_proxy(network: str, folder: Path) -> subprocess.Popen[bytes]:
    """Start nginx with the shipped file, to which the server is called veason."""
    places = "".join(
        f"{name}_temp_path {folder}/{name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off; pid {folder}/pid; error_log {folder}/error.log; user root; worker_processes 1;\n"
        f"events {{ worker_connections 256; }}\n"
        f"http {{ access_log off; {places} include {SOURCE}/deploy/nginx.conf; }}\n"
    )
    (folder / "hosts").write_text(f"127.0.0.1 localhost\n{INNER[1]} veason\n")
    nginx = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin") or "nginx"
    script = f"mount --bind {folder}/hosts /etc/hosts && exec {nginx} -e {folder}/error.log -c {folder}/nginx.conf"
    return subprocess.Popen(["ip", "netns", "exec", network, "unshare", "--mount", "sh", "-c", script])


def drawn_by_hand(clips: Path, clip: str, thing: str) -> tuple[int, list[float], np.ndarray]:
    """Return the frame on which an object is seen best, its box there, and the mask that a person drew."""
    meta = json.loads((clips / clip / "meta.json").read_text())
    frame = meta["best_frames"][thing][0]
    mask = np.asarray(Image.open(clips / clip / thing / f"{frame:05d}.png")) > 0
    return frame, meta["objects"][thing]["boxes"][str(frame)], mask


def failed_gates(told: dict[str, Any], iou: float) -> list[str]:
    """Return what was not as it should be."""
    gradio, tools = told["gradio"], told["mcp"]
    wanted = {
        "the server is not ready, or asks nobody who they are": (told["ready"], told["nobody"]) == (200, 401),
        "frames are missing": len(gradio["masks"]) == gradio["pictures"] == 6,
        "the question was not answered": gradio["ask_events"][-1:] == ["result"],
        "the clients got different masks": all(masks == gradio["masks"] for masks in tools["masks"]),
        "nothing was exported as a tool": tools["exported"],
        f"the IoU is {iou:.2f}": iou >= LEAST_IOU,
        "the server can be reached around the proxy": told["around_the_proxy"] != "reached",
    }
    return [what for what, is_kept in wanted.items() if not is_kept]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path)
    parser.add_argument("--clip", default="01_dog")
    parser.add_argument("--object", default="dog")
    arguments = parser.parse_args()
    clips, root = Path(os.environ["VEASON_REAL_CLIPS"]), arguments.root.resolve()
    frame, box, truth = drawn_by_hand(clips, arguments.clip, arguments.object)
    word, url = secrets.token_urlsafe(9), f"http://{OUTER[0]}/veason"
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        folder.chmod(0o755)
        (folder / "data").mkdir()
        shutil.chown(folder / "data", 10001, 10001)
        (folder / "people").write_text(f"{line_for('ada', 'operator', hash_password(word))}\n")
        (folder / "people").chmod(0o644)
        (folder / "inside").write_text("127.0.0.1 localhost\n")
        networks = make_networks(stack)
        paths = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/tmp", "OMP_NUM_THREADS": "1"}
        given = paths | {"FORWARDED_ALLOW_IPS": "*", "HF_HOME": "/data/models"}
        binds = {folder / "data": "/data", folder / "people": "/run/secrets/people", folder / "inside": "/etc/hosts"}
        start = time.monotonic()
        server = subprocess.Popen(contained(networks["server"], root, server_words(), binds, given))
        stack.callback(_end, server)
        proxy = start_proxy(networks["proxy"], folder)
        stack.callback(_stop, proxy)
        ready = ["ip", "netns", "exec", networks["program"], "curl", "-sf", "-o", "/dev/null", f"{url}/health/ready"]
        while subprocess.run(ready, check=False).returncode:
            if server.poll() is not None or proxy.poll() is not None or time.monotonic() - start > 900:
                raise SystemExit(f"it does not become ready: {(folder / 'error.log').read_text()[-500:]}")
            time.sleep(1)
        ready_s = time.monotonic() - start
        here, clip = Path(__file__).with_name("contained_client.py"), clips / arguments.clip / "clip.mp4"
        binds = {here: "/mnt/client.py", clip: "/mnt/clip.mp4", folder / "inside": "/etc/hosts"}
        words = ["python3", "/mnt/client.py", url, "ada", word, "/mnt/clip.mp4", str(frame), ",".join(map(str, box))]
        command = contained(networks["program"], root, words, binds, paths)
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f"the program failed: {done.stderr[-3000:]}")
    told = json.loads(done.stdout.splitlines()[-1])
    mask = decode_mask(rle_from_coco(told["gradio"]["masks"][str(frame)]["1"]))
    iou = float((mask & truth).sum() / (mask | truth).sum())
    failed = failed_gates(told, iou)
    told["gradio"].pop("masks")
    told["mcp"].pop("masks")
    values = {"clip": arguments.clip, "frame": frame, "ready_s": round(ready_s, 1), "iou": round(iou, 3), **told}
    print(json.dumps(values, indent=1))
    print("->", write_result("contained", {**values, "gates_failed": failed}))
    if failed:
        sys.exit(f"gates failed: {failed}")


def _run(command: str) -> None:
    subprocess.run(command.split(), check=True)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()  # killed, nginx would leave its workers behind
    process.wait()


if __name__ == "__main__":
    main()
