"""Who may use a server: the file of people, passwords, roles, and what a proxy says of them."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import MutableMapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.studio.visitor import Visitor, of_kind
from veason.cli import main
from veason.errors import OptionError, SessionError
from veason.studio.server.access import sign_in
from veason.studio.server.access.people import BY_PROXY, ROLES, People, Person, hash_password, is_password, line_for
from veason.studio.server.access.roles import NEEDED, signed_by
from veason.studio.server.access.sign_in import SignIn, person_of
from veason.studio.server.deployment import Deployment
from veason.studio.server.requests import EVENTS, LOOK_UPS, parse_event, parse_look_up

WORD = "correct horse"
ADA = line_for("Ada Lovelace", "operator", hash_password(WORD))
BOB = line_for("bob", "annotator", BY_PROXY)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "people"
    path.write_text(f"# the team\n\n{ADA}\n{BOB}\n")
    return path


def asked(app: SignIn, path: str = "/", **headers: str) -> tuple[int, Person | None]:
    """Return the status of a request, and who came through."""
    named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return asked_with(app, named, path)


def asked_with(app: SignIn, headers: Sequence[tuple[bytes, bytes]], path: str = "/") -> tuple[int, Person | None]:
    """Do the same with headers as they come, also twice."""
    sent: list[MutableMapping[str, Any]] = []

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request"}

    asyncio.run(app({"type": "http", "path": path, "headers": list(headers)}, receive, send))
    return sent[0]["status"], sent[0].get("person")


async def behind(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
    person = person_of({name.decode(): value.decode() for name, value in scope["headers"]})
    await send({"type": "http.response.start", "status": 200, "headers": [], "person": person})


def basic(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def test_a_password_is_kept_as_a_hash_with_a_salt_of_its_own() -> None:
    first, second = hash_password(WORD), hash_password(WORD)
    assert first != second
    assert WORD not in first
    assert is_password(WORD, first)
    assert not is_password(WORD + " ", first)


def test_the_people_in_a_file(file: Path) -> None:
    people = People(file)
    assert people.check("Ada Lovelace", WORD) == Person("Ada Lovelace", "operator")
    assert people.check("Ada Lovelace", "wrong") is None
    assert people.check("nobody", WORD) is None
    assert people.check("bob", "-") is None
    assert people.person("bob") == Person("bob", "annotator")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        pytest.param("ada", "role", id="a name alone"),
        pytest.param("ada:chief:-", "role is one of", id="no such role"),
        pytest.param("ada:operator:secret", "hash", id="a password as it is"),
        pytest.param("ada:operator:scrypt:15:AAAA:AAAA", "hash", id="a short hash"),
        pytest.param("ada:operator:scrypt:30:" + "A" * 22 + "==:" + "A" * 43 + "=", "hash", id="too dear a hash"),
        pytest.param(f"{BOB}\n{BOB}", "twice", id="twice"),
        pytest.param("", "names nobody", id="nobody"),
    ],
)
def test_a_file_of_another_form_is_refused_with_its_line(tmp_path: Path, line: str, told: str) -> None:
    path = tmp_path / "people"
    path.write_text(line)
    with pytest.raises(OptionError, match=told) as error:
        People(path)
    assert "secret" not in str(error.value)


def test_the_command_makes_a_line_that_the_file_takes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import io

    monkeypatch.setattr("sys.stdin", io.StringIO(WORD + "\n"))
    assert main(["user", "Grace", "--role", "reviewer"]) == 0
    path = tmp_path / "people"
    path.write_text(capsys.readouterr().out)
    assert People(path).check("Grace", WORD) == Person("Grace", "reviewer")


@pytest.mark.parametrize("arguments", [["a:b"], [" ada"], ["ada", "--role", "chief"], ["#ada", "--by-proxy"]])
def test_the_command_refuses_what_no_line_holds(arguments: list[str]) -> None:
    assert main(["user", *arguments]) == 2


def test_nobody_comes_through_without_a_name_and_its_password(file: Path) -> None:
    app = SignIn(behind, people=People(file))
    assert asked(app) == (401, None)
    assert asked(app, authorization="Bearer x")[0] == 401
    assert asked(app, authorization="Basic !!!")[0] == 401
    assert asked(app, authorization=basic("bob", "-"))[0] == 401
    for _ in range(2):  # the second time it is known
        assert asked(app, authorization=basic("Ada Lovelace", WORD)) == (200, Person("Ada Lovelace", "operator"))


def test_a_name_from_outside_is_not_taken(file: Path) -> None:
    app = SignIn(behind, people=People(file))
    forged = {"x_veason_name": "eve", "x_veason_role": "operator"}
    assert asked(app, **forged)[0] == 401
    assert asked(app, **forged, authorization=basic("Ada Lovelace", WORD))[1] == Person("Ada Lovelace", "operator")


def test_who_is_taken_out_of_the_file_is_out_at_once(file: Path) -> None:
    app = SignIn(behind, people=People(file))
    assert asked(app, authorization=basic("Ada Lovelace", WORD))[0] == 200
    file.write_text(BOB)
    assert asked(app, authorization=basic("Ada Lovelace", WORD))[0] == 401
    file.unlink()
    assert asked(app, authorization=basic("Ada Lovelace", WORD))[0] == 503


def test_guessing_ends_after_some_wrong_passwords(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sign_in, "MOST_WRONG", 2)
    app = SignIn(behind, people=People(file))
    right = basic("Ada Lovelace", WORD)
    assert asked(app, authorization=right)[0] == 200
    statuses = [asked(app, authorization=basic("Ada Lovelace", f"wrong {number}"))[0] for number in range(3)]
    assert statuses == [401, 401, 429]
    assert asked(app, authorization=right)[0] == 200  # who is in stays in


def test_a_proxy_names_the_person_only_with_its_secret(file: Path) -> None:
    app = SignIn(behind, people=People(file), user_header="X-Forwarded-User", proxy_secret="s3cret")
    assert asked(app, x_forwarded_user="bob") == (401, None)
    assert asked(app, x_forwarded_user="bob", x_proxy_secret="guess") == (401, None)
    assert asked(app, x_proxy_secret="s3cret") == (401, None)
    told = {"x_proxy_secret": "s3cret"}
    assert asked(app, x_forwarded_user="Ada Lovelace", **told)[1] == Person("Ada Lovelace", "operator")
    assert asked(app, x_forwarded_user="new here", **told)[1] == Person("new here", "annotator")


def test_a_header_that_is_there_twice_is_nobodys(file: Path) -> None:
    right = basic("Ada Lovelace", WORD).encode()
    twice = [(b"authorization", basic("bob", "x").encode()), (b"Authorization", right)]
    assert asked_with(SignIn(behind, people=People(file)), [(b"authorization", right)])[0] == 200
    assert asked_with(SignIn(behind, people=People(file)), twice)[0] == 401
    proxied = SignIn(behind, people=None, user_header="X-User", proxy_secret="s")
    one = [(b"x-user", b"bob"), (b"x-proxy-secret", b"s")]
    assert asked_with(proxied, one)[0] == 200
    for more in ((b"X-User", b"ada"), (b"x-proxy-secret", b"s")):
        assert asked_with(proxied, [more, *one])[0] == 401


def test_a_header_that_anybody_could_send_is_refused() -> None:
    with pytest.raises(OptionError, match="can be anybody"):
        Deployment(user_header="X-User").check_host("0.0.0.0")
    Deployment(user_header="X-User").check_host("127.0.0.1")
    Deployment(user_header="X-User", proxy_secret="s").check_host("0.0.0.0")


@pytest.mark.parametrize("given", [{"root_path": "/veason/"}, {"root_path": "veason"}, {"user_header": "X User"}])
def test_a_deployment_of_another_form_is_refused(given: dict[str, str]) -> None:
    with pytest.raises(OptionError):
        Deployment(**given)  # type: ignore[arg-type]


def test_what_a_person_does_goes_by_their_name() -> None:
    visitor = Visitor()
    sent = {"work": visitor.work, "by": "somebody else", "edit": "box", "object": 0, "frame": 5, "xyxy": [2, 2, 10, 10]}
    list(visitor.studio.answer("edit", sent, Person("Ada")))
    assert signed_by(parse_event("edit", sent), Person("Ada")).by == "Ada"
    assert signed_by(parse_event("edit", sent), None).by == "somebody else"
    reply = visitor.studio.look_up("queue", {"project": visitor.key}, Person("Ada"))
    assert list(reply["annotators"]) == ["Ada"]


def test_a_role_is_needed_for_what_touches_others() -> None:
    visitor = Visitor()
    assign = {"project": visitor.key, "do": "assign", "question": 1, "name": "bob"}
    assert "for a reviewer" in visitor.studio.look_up("act", assign, Person("bob"))["error"]
    assert "error" not in visitor.studio.look_up("act", assign, Person("eve", "reviewer"))
    prelabel = {"project": visitor.key, "do": "prelabel"}
    assert "for an operator" in visitor.studio.look_up("act", prelabel, Person("eve", "reviewer"))["error"]
    (notice,) = of_kind(
        [
            item
            for message in visitor.studio.answer("export", {"project": visitor.key, "format": "project"}, Person("bob"))
            for item in message["items"]
        ],
        "notice",
    )
    assert "for an operator" in notice["text"]


def test_every_request_with_a_role_is_one_that_the_page_sends() -> None:
    kinds = {kind for kinds in (*EVENTS.values(), *LOOK_UPS.values()) for kind in kinds}
    assert set(NEEDED) <= kinds
    assert set(NEEDED.values()) <= set(ROLES)


@pytest.mark.parametrize(
    "sent",
    [
        {"do": "choose", "kind": "policy", "name": "nano"},
        {"do": "fetch", "kind": "policy", "name": "somebody/something"},
        {"do": "connect", "address": "http://169.254.169.254", "model": "x"},
        {"do": "test", "address": "http://169.254.169.254", "model": "x"},
        {"do": "cancel"},
    ],
)
def test_only_an_operator_changes_the_models_that_everybody_uses(sent: dict[str, str]) -> None:
    request = parse_look_up("models", sent)
    with pytest.raises(SessionError, match="for an operator"):
        signed_by(request, Person("eve", "reviewer"))
    assert signed_by(request, Person("ada", "operator")).by == "ada"
    assert signed_by(parse_look_up("models", {"do": "now"}), Person("bob")).by == "bob"


def test_an_annotator_may_not_judge() -> None:
    request = parse_look_up("act", {"project": "k" * 12, "do": "agree", "question": 1})
    with pytest.raises(SessionError, match="for a reviewer, and bob is an annotator"):
        signed_by(request, Person("bob"))
