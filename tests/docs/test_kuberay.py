"""The job for KubeRay: fields that its resources have, a command that ours takes, and room for what that asks.

The schema below holds, in our own words, what the custom resource RayJob (ray.io/v1, KubeRay of August 2026) says of
the fields that we use; an unknown field is an error there and here. With `VEASON_KUBERAY_CRD` the operator's own file
(`ray.io_rayjobs.yaml`) is asked as well.
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from veason.cli import build_parser

ROOT = Path(__file__).parent.parent.parent
FILE = ROOT / "deploy" / "kuberay-batch.yaml"
CRD = os.environ.get("VEASON_KUBERAY_CRD", "")


def fields(required: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    """Return the schema of an object with these fields alone; "_" in a name stands for "-"."""
    named = {name.replace("_", "-"): value for name, value in properties.items()}
    return {"type": "object", "properties": named, "required": list(required), "additionalProperties": False}


TEXT, WHOLE, YES = {"type": "string"}, {"type": "integer"}, {"type": "boolean"}
NAMED = {"type": "object", "additionalProperties": {"type": "string"}}
AMOUNTS = {"type": "object", "additionalProperties": {"anyOf": [{"type": "integer"}, {"type": "string"}]}}


def many(of: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": of, "minItems": 1}


CONTAINER = fields(
    ("name",),
    name=TEXT,
    image=TEXT,
    env=many(fields(("name",), name=TEXT, value=TEXT)),
    ports=many(fields(("containerPort",), containerPort=WHOLE, name=TEXT)),
    resources=fields(requests=AMOUNTS, limits=AMOUNTS),
    volumeMounts=many(fields(("mountPath", "name"), mountPath=TEXT, name=TEXT, readOnly=YES)),
)
CLAIM = fields(("claimName",), claimName=TEXT, readOnly=YES)
POD = fields(
    ("spec",),
    spec=fields(
        ("containers",),
        containers=many(CONTAINER),
        volumes=many(fields(("name",), name=TEXT, persistentVolumeClaim=CLAIM)),
    ),
)
WORKERS = fields(
    ("groupName", "maxReplicas", "minReplicas", "template"),
    groupName=TEXT, replicas=WHOLE, minReplicas=WHOLE, maxReplicas=WHOLE, rayStartParams=NAMED, template=POD,
)  # fmt: skip
CLUSTER = fields(
    ("headGroupSpec",),
    rayVersion=TEXT,
    headGroupSpec=fields(("template",), rayStartParams=NAMED, template=POD),
    workerGroupSpecs=many(WORKERS),
)
JOB = fields(
    ("apiVersion", "kind", "metadata", "spec"),
    apiVersion={"const": "ray.io/v1"},
    kind={"const": "RayJob"},
    metadata=fields(("name",), name=TEXT),
    spec=fields(
        ("entrypoint", "rayClusterSpec"),
        entrypoint=TEXT,
        shutdownAfterJobFinishes=YES,
        ttlSecondsAfterFinished=WHOLE,
        backoffLimit=WHOLE,
        rayClusterSpec=CLUSTER,
    ),
)


@pytest.fixture(scope="module")
def documents() -> list[dict[str, Any]]:
    return list(yaml.safe_load_all(FILE.read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def job(documents: list[dict[str, Any]]) -> dict[str, Any]:
    (found,) = (one for one in documents if one["kind"] == "RayJob")
    return found


def test_the_job_has_the_fields_that_the_resource_has_and_no_others(job: dict[str, Any]) -> None:
    jsonschema.validate(job, JOB)
    job["spec"]["rayClusterSpec"]["workerGroupSpecs"][0]["replica"] = 8
    with pytest.raises(jsonschema.ValidationError, match="replica"):
        jsonschema.validate(job, JOB)
    del job["spec"]["rayClusterSpec"]["workerGroupSpecs"][0]["replica"]


@pytest.mark.skipif(not CRD, reason="VEASON_KUBERAY_CRD names no file of the operator")
def test_the_operators_own_schema_takes_the_job(job: dict[str, Any]) -> None:
    versions = yaml.safe_load(Path(CRD).read_text())["spec"]["versions"]
    (version,) = (one for one in versions if f"ray.io/{one['name']}" == job["apiVersion"])
    schema = version["schema"]["openAPIV3Schema"]
    jsonschema.validate(job, schema)
    assert unknown(job["spec"], schema["properties"]["spec"]) == []


def unknown(value: Any, schema: dict[str, Any], place: str = "spec") -> list[str]:
    """Return the fields that a schema does not have; the operator would leave them out without a word."""
    if isinstance(value, list):
        return [name for one in value for name in unknown(one, schema.get("items", {}), place)]
    if not isinstance(value, dict) or "properties" not in schema:
        return []
    found = [f"{place}.{name}" for name in value if name not in schema["properties"]]
    return found + [
        name
        for key, one in value.items()
        if key in schema["properties"]
        for name in unknown(one, schema["properties"][key], f"{place}.{key}")
    ]


def test_the_command_is_ours_and_the_machines_have_what_it_asks(job: dict[str, Any]) -> None:
    words = shlex.split(job["spec"]["entrypoint"])
    assert words[0] == "veason"
    args = build_parser().parse_args(words[1:])
    assert (args.command, args.engine, args.address) == ("batch", "ray", "auto")
    cluster = job["spec"]["rayClusterSpec"]
    (workers,) = cluster["workerGroupSpecs"]
    (container,) = workers["template"]["spec"]["containers"]
    gpus = workers["replicas"] * container["resources"]["limits"]["nvidia.com/gpu"]
    cpus = workers["replicas"] * int(container["resources"]["limits"]["cpu"])
    assert args.policy_workers * args.policy_gpus + args.workers * args.worker_gpus <= gpus
    assert args.policy_workers + args.workers + 1 <= cpus + int(cluster["headGroupSpec"]["rayStartParams"]["num-cpus"])
    pinned = (ROOT / ".ci" / "ray" / "requirements.txt").read_text(encoding="utf-8").splitlines()
    assert f"ray[data,serve]=={cluster['rayVersion']}" in pinned


def test_results_lie_on_a_volume_that_outlives_the_job(job: dict[str, Any], documents: list[dict[str, Any]]) -> None:
    args = build_parser().parse_args(shlex.split(job["spec"]["entrypoint"])[1:])
    spec = job["spec"]["rayClusterSpec"]["headGroupSpec"]["template"]["spec"]
    claims = {volume["name"]: volume["persistentVolumeClaim"]["claimName"] for volume in spec["volumes"]}
    (mount,) = (one for one in spec["containers"][0]["volumeMounts"] if args.out.startswith(one["mountPath"]))
    claim = claims[mount["name"]]
    assert claim in {one["metadata"]["name"] for one in documents if one["kind"] == "PersistentVolumeClaim"}
