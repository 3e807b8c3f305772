"""Take the steps of the Dockerfile in a root folder of its own, where no image can be built, and see that it runs.

    debootstrap --variant=minbase --include=python3-pip,python-is-python3,ca-certificates bookworm ROOT
    rm ROOT/usr/lib/python3.11/EXTERNALLY-MANAGED
    sudo python .ci/dockerfile_in_root.py ROOT [--arg DEVICE=cuda] [--bind /etc/resolv.conf ...]

ROOT stands in for the image that `FROM` names; a Debian with its own Python is near enough to it. Every instruction of
the stages that lead to the last one is taken as it stands: RUN by `chroot`, as the user of USER, COPY from what
.dockerignore lets through. Then ENTRYPOINT and CMD are started as compose.yaml has them: read-only but for /tmp and the
volumes, no network but the loopback, without rights; HEALTHCHECK must succeed in the end, and SIGTERM end it as
`docker stop` does. What pip needs on this machine is shown to the steps with --bind, and not to the server.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import time
from pathlib import Path

SOURCE = Path(__file__).parent.parent
SYSTEM = ("proc", "sys", "dev")
HEALTHY_WITHIN_S, ENDS_WITHIN_S = 180.0, 10.0
ENTER = (
    "mount --rbind --make-rslave {root} {root} && mount -t tmpfs tmpfs {root}/tmp && mount -t proc proc {root}/proc && "
    "{volumes} mount -o remount,bind,ro {root} && ip link set lo up && "
    "exec chroot {root} setpriv --reuid {user} --regid {user} --clear-groups --no-new-privs --bounding-set=-all "
    "--inh-caps=-all -- "
)


def instructions(text: str) -> list[tuple[str, str]]:
    """Return the instructions of a Dockerfile, such as ("RUN", "pip install torch"), with their lines joined."""
    kept = "\n".join(line for line in text.splitlines() if not line.startswith("#")).replace("\\\n", " ")
    lines = (line.split(None, 1) for line in kept.splitlines() if line.strip())
    return [(name, rest.strip()) for name, rest in lines]


def stages(found: list[tuple[str, str]]) -> tuple[dict[str, tuple[str, list[tuple[str, str]]]], dict[str, str]]:
    """Return (base, instructions) of each stage by its name, and the arguments that stand before the first."""
    made: dict[str, tuple[str, list[tuple[str, str]]]] = {}
    before: dict[str, str] = {}
    current: list[tuple[str, str]] | None = None
    for name, rest in found:
        if name == "FROM":
            base, _, stage = rest.partition(" AS ")
            current = []
            made[stage] = (base, current)
        elif current is None:
            assert name == "ARG", name
            before[rest.partition("=")[0]] = rest.partition("=")[2].strip('"')
        else:
            current.append((name, rest))
    return made, before


def lead_to_last(text: str, arguments: dict[str, str]) -> list[tuple[str, str]]:
    """Return the instructions that make the last stage, from the first on."""
    made, before = stages(instructions(text))
    values = {**before, **arguments}
    taken: list[tuple[str, str]] = []
    stage = list(made)[-1]
    while stage in made:
        base, own = made[stage]
        taken = own + taken
        stage = re.sub(r"\$\{(\w+)\}", lambda match: values[match[1]], base)
    return taken


class Root:
    """A root folder in which instructions are taken.

    Attributes:
        environment: what ENV and ARG have set.
        user: who RUN is, "root" until USER.
        workdir: where.
        entry: what ENTRYPOINT, CMD, HEALTHCHECK and VOLUME say.
    """

    def __init__(self, folder: Path, arguments: dict[str, str]) -> None:
        self.folder, self.arguments = folder, arguments
        self.environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"}
        self.user, self.workdir = "root", "/"
        self.entry: dict[str, str] = {}

    def take(self, name: str, rest: str) -> None:
        """Take an instruction. Raises CalledProcessError where a command fails, SystemExit for an unknown one."""
        if name in ("ENV", "ARG"):
            for word in shlex.split(rest):
                key, _, value = word.partition("=")
                self.environment[key] = self.arguments.get(key, value) if name == "ARG" else value
        elif name == "WORKDIR":
            self.workdir = rest
            (self.folder / rest.lstrip("/")).mkdir(parents=True, exist_ok=True)
        elif name == "USER":
            self.user = rest
        elif name == "COPY":
            self.copy(*rest.split())
        elif name == "RUN":
            self.run(rest)
        elif name in ("ENTRYPOINT", "CMD", "HEALTHCHECK", "VOLUME", "EXPOSE"):
            self.entry[name] = rest
        else:
            raise SystemExit(f"{name} is not known here: {rest}")

    def copy(self, *words: str) -> None:
        """Copy files and folders from the source as COPY does."""
        allowed = (SOURCE / ".dockerignore").read_text().splitlines()
        *sources, target = words
        for source in sources:
            assert f"!{source}" in allowed, f".dockerignore keeps {source} out"
            found, to = SOURCE / source, self.folder / self.workdir.lstrip("/") / target
            if found.is_dir():
                shutil.copytree(found, to, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
            else:
                to = to / found.name if target.endswith("/") else to
                to.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(found, to)

    def run(self, command: str) -> None:
        """Run a command of the shell inside."""
        given = [f"{key}={value}" for key, value in self.environment.items()]
        inside = ["sh", "-c", f"cd {self.workdir} && {command}"]
        enter = ["chroot", f"--userspec={self.user}", str(self.folder)]
        subprocess.run([*enter, "env", "-i", *given, *inside], check=True)

    def serve(self) -> subprocess.Popen[bytes]:
        """Start what the image starts, as compose.yaml confines it."""
        (self.folder / "etc" / "hosts").write_text("127.0.0.1 localhost\n")  # as whatever runs containers does
        volumes = "".join(f"mount --bind {self.folder}{one} {self.folder}{one} && " for one in [self.entry["VOLUME"]])
        enter = ENTER.format(root=self.folder, user=self.user, volumes=volumes)
        given = " ".join(shlex.quote(f"{key}={value}") for key, value in {**self.environment, "HOME": "/tmp"}.items())
        words = json.loads(self.entry["ENTRYPOINT"]) + json.loads(self.entry["CMD"])
        command = f"{enter} env -i {given} sh -c {shlex.quote(f'cd {self.workdir} && exec {shlex.join(words)}')}"
        return subprocess.Popen(["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", command])

    def is_healthy(self, server: subprocess.Popen[bytes]) -> bool:
        """Tell whether HEALTHCHECK succeeds beside the server."""
        if not (inner := inner_pid(server)):
            return False
        check = json.loads(self.entry["HEALTHCHECK"].partition("CMD ")[2])
        inside = ["nsenter", "--target", str(inner), "--net", "--mount", "--root", "--"]
        return subprocess.run([*inside, *check], stderr=subprocess.DEVNULL, check=False).returncode == 0


def inner_pid(server: subprocess.Popen[bytes]) -> int:
    """Return the process that is the first one inside, 0 where there is none yet."""
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
    return int(children[0]) if children else 0


def build(root: Root, steps: list[tuple[str, str]], bound: list[str], *, is_built: bool) -> None:
    """Take the steps, with paths of this machine bound into the root; where it is built already, without commands."""
    bound = [f"/{name}" for name in SYSTEM] + bound
    for path in bound:
        to = root.folder / path.lstrip("/")
        if Path(path).is_dir():
            to.mkdir(parents=True, exist_ok=True)
        else:
            to.parent.mkdir(parents=True, exist_ok=True)
            to.touch()
        subprocess.run(["mount", "--bind", path, str(to)], check=True)
    try:
        for name, rest in steps:
            if is_built and name in ("RUN", "COPY"):
                continue
            start = time.monotonic()
            print(f"--> {name} {rest}"[:160], flush=True)
            root.take(name, rest)
            print(f"    {time.monotonic() - start:.1f} s", flush=True)
    finally:
        for path in reversed(bound):
            subprocess.run(["umount", str(root.folder / path.lstrip("/"))], check=True)


def see_that_it_is_healthy(root: Root) -> None:
    """Start what the image starts, until HEALTHCHECK succeeds, and stop it. Raises SystemExit where it does not."""
    server = root.serve()
    try:
        until = time.monotonic() + HEALTHY_WITHIN_S
        while not root.is_healthy(server):
            if server.poll() is not None or time.monotonic() > until:
                raise SystemExit("the server is not healthy")
            time.sleep(1)
        print("healthy", flush=True)
        start = time.monotonic()
        os.kill(inner_pid(server), signal.SIGTERM)
        server.wait(ENDS_WITHIN_S)
        print(f"ended {time.monotonic() - start:.1f} s after SIGTERM", flush=True)
    finally:
        server.kill()


def main() -> None:
    """Build, start, and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", type=Path)
    parser.add_argument("--arg", action="append", default=[], help="NAME=VALUE, as of `docker build --build-arg`")
    parser.add_argument("--bind", action="append", default=[], help="a path that the steps see as well")
    parser.add_argument("--built", action="store_true", help="the steps were taken before: see that it is healthy")
    arguments = parser.parse_args()
    folder = arguments.root.resolve()
    given = dict(word.split("=", 1) for word in arguments.arg)
    root = Root(folder, given)
    steps = lead_to_last((SOURCE / "Dockerfile").read_text(encoding="utf-8"), given)
    build(root, steps, arguments.bind, is_built=arguments.built)
    see_that_it_is_healthy(root)
    size = subprocess.run(["du", "-sxm", str(folder)], capture_output=True, text=True, check=True).stdout.split()[0]
    print(f"{size} MB in {arguments.root}")


if __name__ == "__main__":
    main()
