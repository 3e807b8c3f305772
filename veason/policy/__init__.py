"""Policies: models that look at frames, reason, name a keyframe and box the target on it."""

from __future__ import annotations

from pathlib import Path

from veason import hub
from veason.errors import MissingBackend
from veason.profile import GENERIC, load_profile, read_profile
from veason.types import EndpointOptions, ModelOptions, Policy

RECORDINGS = hub.ASSETS / "examples" / "recordings.json"
"""Recorded answers about the example clips, replayed where no model is here."""


def load_policy(name: str | None = None, options: ModelOptions = ModelOptions()) -> Policy:
    """Load a policy by the name the user gave.

    Args:
        name: None or "auto" for the best one that is here (the published one where there is CUDA and its weights are
            cached, else nano, else recorded answers), "nano", "scripted" or "scripted:FILE", a folder, a hub id, or the
            address of an OpenAI-compatible server. Only a hub id named here is ever downloaded.
        options: device, dtype, quantization and profile; `budgets.prefix` is the memory of the device for what was
            read of videos (0 is plain `generate`), `speedups.static_cache` decodes into a cache of fixed size,
            compiled where there is CUDA.

    Raises:
        MissingBackend: weights or a library are missing; the message holds the command to type.
        ProfileError: the profile is broken or does not fit the model.
        DeviceError: the device is not there or too small.
        EndpointError: a server does not tell which models it has.
    """
    name = choose_name(options.device) if name in (None, "auto") else name
    if name == "scripted" or name.startswith("scripted:"):
        from veason.policy.scripted import ScriptedPolicy

        return ScriptedPolicy(Path(name.partition(":")[2] or RECORDINGS))

    from veason.libraries import require_library

    if name.startswith(("http://", "https://")):
        require_library("openai", f"the policy {name}")
        from veason.policy.endpoint import EndpointPolicy

        profile = read_profile(Path(options.profile)) if options.profile else GENERIC
        return EndpointPolicy(name, options.endpoint or EndpointOptions(), profile)

    require_library("transformers", f"the policy {name}")
    from veason.policy.loading import load_qwen

    checkpoint = str(hub.embedded("policy")) if name == hub.NANO else name
    if name == hub.NANO and not hub.has_embedded("policy"):
        raise MissingBackend(f"the nano policy is not in {checkpoint}: train it with `python -m veason nano`")
    folder = Path(checkpoint).expanduser()
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise MissingBackend(f"the folder {folder} has no config.json: give a checkpoint folder or a hub id")
        checkpoint, is_known = str(folder), True
    elif folder.is_absolute() or checkpoint.count("/") != 1 or checkpoint.startswith("."):
        raise MissingBackend(
            f"there is no policy {name!r}: use auto, nano, scripted:FILE, a checkpoint folder or a hub id such as "
            f"{hub.REAL_POLICY}"
        )
    else:
        is_known = hub.is_cached(checkpoint)
    profile = load_profile(checkpoint, options.profile)
    return load_qwen(checkpoint, profile, options, name=name, may_download=not is_known)


def choose_name(device: str = "auto") -> str:
    """Return the name of the best policy that is here, without downloading anything.

    Raises:
        MissingBackend: there is none.
        DeviceError: the device is not there.
    """
    from veason.device import choose_device

    has_cuda = choose_device(device).type == "cuda"
    return best_name(
        has_real=has_cuda and hub.is_cached(hub.REAL_POLICY),
        has_nano=hub.has_embedded("policy"),
        has_recordings=RECORDINGS.is_file(),
    )


def best_name(*, has_real: bool, has_nano: bool, has_recordings: bool) -> str:
    """Return the name of the best policy among those that are here. Raises MissingBackend where there is none."""
    if has_real:
        return hub.REAL_POLICY
    if has_nano:
        return hub.NANO
    if has_recordings:
        return "scripted"
    raise MissingBackend(f"no policy is on this machine: hf download {hub.REAL_POLICY}")
