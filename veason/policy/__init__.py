"""Policies: models that see frames and an instruction, reason, and answer with a keyframe and boxes."""

from __future__ import annotations

from pathlib import Path

from veason import hub
from veason.errors import MissingBackend
from veason.model_use import hold_while_alive, holding
from veason.profile import PROFILE_FILE, Profile, load_profile, read_profile
from veason.types import EndpointOptions, ModelOptions, Policy

RECORDINGS = hub.ASSETS / "examples" / "recordings.json"
"""Recorded answers about the example clips, replayed if no model is installed."""


def load_policy(name: str | None = None, options: ModelOptions = ModelOptions()) -> Policy:
    """Load a policy by name.

    Args:
        name: None or "auto" for the best available one (the published one if CUDA is available and its weights are
            cached, else nano, else recorded answers), "nano", "scripted" or "scripted:FILE", a folder, a hub id, or the
            address of an OpenAI-compatible server. Only a hub id given here is ever downloaded.
        options: device, dtype, quantization and profile; `budgets.prefix` is the device memory in MiB for cached
            prompt prefixes (0 disables them), `speedups.static_cache` decodes into a cache of fixed size, compiled
            on CUDA.

    Raises:
        MissingBackend: weights or a library are missing; the message has the command to run.
        ProfileError: the profile is invalid or does not match the model.
        DeviceError: the device is not available or has too little memory.
        EndpointError: a server does not list its models.
    """
    name = choose_policy_name(options.device) if name in (None, "auto") else name
    if name == "scripted" or name.startswith("scripted:"):
        from veason.policy.scripted import ScriptedPolicy

        return ScriptedPolicy(Path(name.partition(":")[2] or RECORDINGS))

    from veason.libraries import require_library

    if name.startswith(("http://", "https://")):
        require_library("openai", f"the policy {name}")
        from veason.policy.endpoint import EndpointPolicy

        endpoint = options.endpoint or EndpointOptions()
        profile = read_profile(Path(options.profile)) if options.profile else _profile_beside(endpoint.model)
        return EndpointPolicy(name, endpoint, profile)

    require_library("transformers", f"the policy {name}")
    from veason.policy.loading import load_qwen

    checkpoint, is_here = find_checkpoint(name)
    profile = load_profile(checkpoint, options.profile)
    with holding(checkpoint):
        policy = load_qwen(checkpoint, profile, options, name=name, may_download=not is_here)
        hold_while_alive(policy, checkpoint)
    return policy


def _profile_beside(model: str | None) -> Profile | None:
    """Return the profile in the folder that a server's model is called after, where that folder is here and has one."""
    folder = hub.local_path(model) if model else None
    return read_profile(folder / PROFILE_FILE) if folder is not None and (folder / PROFILE_FILE).is_file() else None


def find_checkpoint(name: str) -> tuple[str, bool]:
    """Return the folder or hub id of the checkpoint that is called so, and whether its weights are on this machine.

    Args:
        name: "nano", a folder or a hub id.

    Raises:
        MissingBackend: it is none of these, the embedded policy is not installed, or the folder holds no checkpoint.
    """
    if name == hub.NANO and not hub.has_embedded("policy"):
        where = hub.embedded("policy")
        raise MissingBackend(f"the nano policy is not in {where}: train it with `python -m veason nano`")
    folder = hub.embedded("policy") if name == hub.NANO else hub.local_path(name)
    if folder is not None and folder.is_dir():
        if not (folder / "config.json").is_file():
            raise MissingBackend(f"the folder {folder} has no config.json: give a checkpoint folder or a hub id")
        return str(folder), True
    if not hub.is_hub_id(name):
        raise MissingBackend(
            f"there is no policy {name!r}: use auto, nano, scripted:FILE, a checkpoint folder or a hub id such as "
            f"{hub.PUBLISHED_POLICY}"
        )
    return name, hub.is_cached(name)


def check_server(address: str) -> str:
    """Return the address of a model server without what does not count.

    Raises:
        OptionError: it is none, or holds a password.
        MissingBackend: the client library is not installed.
    """
    from veason.libraries import require_library

    require_library("openai", "a policy on a server")
    from veason.policy.connection import check_address

    return check_address(address)


def check_answers(policy: Policy) -> None:
    """Raise EndpointError if a policy is on a server and nobody answers there."""
    from veason.policy.endpoint import EndpointPolicy

    if isinstance(policy, EndpointPolicy):
        policy.check_reachable()


def choose_policy_name(device: str = "auto") -> str:
    """Return the name of the best available policy. Downloads nothing.

    Raises:
        MissingBackend: there is none.
        DeviceError: the device is not available.
    """
    from veason.device import choose_device

    has_cuda = choose_device(device).type == "cuda"
    return best_policy_name(
        has_published=has_cuda and hub.is_cached(hub.PUBLISHED_POLICY),
        has_nano=hub.has_embedded("policy"),
        has_recordings=RECORDINGS.is_file(),
    )


def best_policy_name(*, has_published: bool, has_nano: bool, has_recordings: bool) -> str:
    """Return the name of the best policy among those available. Raises MissingBackend if there is none."""
    if has_published:
        return hub.PUBLISHED_POLICY
    if has_nano:
        return hub.NANO
    if has_recordings:
        return "scripted"
    raise MissingBackend(f"no policy is on this machine: hf download {hub.PUBLISHED_POLICY}")
