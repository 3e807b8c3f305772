"""A server behind TLS: a certificate that is not trusted is never let pass, and the words say what to do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.policy.certificates import authority
from tests.policy.model_server import ModelServer, running, wire_forms
from tests.policy.test_endpoint import ANSWER, THOUGHT, ask, policy_of
from veason.errors import EndpointError
from veason.types import Answered

LINES = wire_forms(THOUGHT, ANSWER)["vllm"]


def test_a_server_whose_authority_is_named_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    signer = authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(signer.file))
    with running(ModelServer(lines=LINES), tls=signer.context("127.0.0.1")) as server:
        assert server.address.startswith("https://127.0.0.1:")
        assert isinstance(ask(policy_of(server, model="only"))[-1], Answered)


@pytest.mark.parametrize(
    ("host", "days", "is_self_signed", "is_named", "told"),
    [
        pytest.param("127.0.0.1", (-1, 30), True, False, ["SSL_CERT_FILE", "self-signed"], id="self-signed"),
        pytest.param("127.0.0.1", (-1, 30), False, False, ["SSL_CERT_FILE", "nobody trusted"], id="unknown authority"),
        pytest.param("192.0.2.7", (-1, 30), False, True, ["another name", "127.0.0.1"], id="of another host"),
        pytest.param("lab.example", (-1, 30), False, True, ["another name", "127.0.0.1"], id="of a name"),
        pytest.param("127.0.0.1", (-30, -1), False, True, ["has expired", "renew it"], id="expired"),
        pytest.param("127.0.0.1", (5, 30), False, True, ["not yet valid", "clock"], id="not yet valid"),
    ],
)
def test_a_certificate_that_is_not_trusted_is_refused_with_what_to_do(
    host: str,
    days: tuple[int, int],
    is_self_signed: bool,
    is_named: bool,
    told: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    signer = authority(tmp_path)
    if is_named:
        monkeypatch.setenv("SSL_CERT_FILE", str(signer.file))
    context = signer.context(host, days=days, is_self_signed=is_self_signed)
    with running(ModelServer(lines=LINES), tls=context) as server:
        policy = policy_of(server, model="only", key="sk-secret", num_tries=1)
        for failing in (lambda: ask(policy), policy.check_reachable, policy.models):
            with pytest.raises(EndpointError) as refused:
                failing()
            for words in told:
                assert words in str(refused.value)
            assert "verify" not in str(refused.value).replace("certificate verify failed", "")
        assert not server.requests  # neither the key nor a picture was sent
        assert not server.keys


def test_a_server_that_speaks_no_tls_is_told(tmp_path: Path) -> None:
    with running(ModelServer(lines=LINES)) as server:
        server.address = server.address.replace("http:", "https:")
        with pytest.raises(EndpointError, match="speaks no TLS: try http://"):
            ask(policy_of(server, model="only", num_tries=1))


def test_an_authority_that_cannot_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "nowhere.pem"))
    with running(ModelServer(lines=LINES)) as server, pytest.raises(EndpointError, match="SSL_CERT_FILE"):
        ask(policy_of(server, model="only", num_tries=1))
    (tmp_path / "broken.pem").write_text(json.dumps({"no": "certificate"}))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "broken.pem"))
    with running(ModelServer(lines=LINES)) as server, pytest.raises(EndpointError, match="SSL_CERT_FILE"):
        ask(policy_of(server, model="only", num_tries=1))
