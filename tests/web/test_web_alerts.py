"""Alerts and their channels over REST."""

import base64

from tests.web.service import Running
from tests.web.test_web_errors import check_shape
from usher.access.roles import Role

PATH = "/v2/alert-channel"
SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
PASSWORD = "mail-password-5"
MAIL = {
    "name": "Ops",
    "type": "email",
    "level": "critical",
    "config": {
        "host": "smtp.example.com",
        "from": "usher@example.com",
        "to": ["ops@example.com"],
        "user": "usher",
        "password": PASSWORD,
    },
}


async def test_a_channel_is_made_shown_changed_tested_and_deleted(usher: Running) -> None:
    made = await usher.ask("POST", PATH, MAIL)
    assert made.status == 201
    assert made.data["config"] == {
        "host": "smtp.example.com",
        "port": 587,
        "security": "starttls",
        "user": "usher",
        "from": "usher@example.com",
        "to": ["ops@example.com"],
    }
    one = f"{PATH}/{made.data['id']}"
    assert (await usher.ask("GET", one)).data == made.data
    changed = await usher.ask("PUT", one, {"level": "info", "config": {"to": "a@example.com, b@example.com"}})
    assert (changed.data["level"], changed.data["config"]["to"]) == ("info", ["a@example.com", "b@example.com"])
    assert [view["name"] for view in (await usher.ask("GET", PATH)).data] == ["Ops"]
    for answer in (made, changed, await usher.ask("GET", PATH)):
        assert PASSWORD not in answer.text
    assert (await usher.ask("DELETE", one)).data == {}
    assert (await usher.ask("GET", one)).status == 404


async def test_a_webhooks_secret_is_shown_once_where_it_was_made(usher: Running) -> None:
    body = {"name": "Hook", "type": "webhook", "config": {"url": f"{usher.sandbox_url}/nothing"}}
    made = (await usher.ask("POST", PATH, body)).data
    assert made["secret"].startswith("whsec_")
    one = f"{PATH}/{made['id']}"
    assert made["secret"] not in (await usher.ask("GET", one)).text
    assert (await usher.ask("PUT", one, {"config": {"secret": SECRET}})).data["secret"] is None
    assert (await usher.ask("PUT", one, {"new_secret": True})).data["secret"] not in (None, SECRET, made["secret"])
    tried = (await usher.ask("POST", f"{one}/test")).data
    assert (tried["is_taken"], tried["status"]) == (False, 404)
    assert (await usher.ask("GET", one)).data["last"]["said"] == tried["said"]


REFUSED = {
    "no name": ({"name": ""}, "name"),
    "a type of no kind": ({"type": "pager"}, "type"),
    "a level of no kind": ({"level": "loud"}, "level"),
    "an unknown key": ({"colour": "red"}, "colour"),
    "text for the configuration": ({"config": "x"}, "config"),
    "a number for a name": ({"name": 5}, "name"),
    "an unknown setting": ({"config": MAIL["config"] | {"cc": "x"}}, "config.cc"),  # type: ignore[operator]
    "a port of the web's": ({"config": MAIL["config"] | {"port": 80}}, "config.port"),  # type: ignore[operator]
    "no security abroad": ({"config": MAIL["config"] | {"security": "none"}}, "config.security"),  # type: ignore[operator]
    "a list in the sender": ({"config": MAIL["config"] | {"from": ["a@b.example"]}}, "config.from"),  # type: ignore[operator]
    "a header in the sender": ({"config": MAIL["config"] | {"from": "a@b.example\nBcc: c@d.example"}}, "config.from"),  # type: ignore[operator]
    "no receivers": ({"config": MAIL["config"] | {"to": []}}, "config.to"),  # type: ignore[operator]
    "a path for a host": ({"config": MAIL["config"] | {"host": "smtp.example.com/x"}}, "config.host"),  # type: ignore[operator]
    "no password for a user": ({"config": MAIL["config"] | {"password": ""}}, "config.password"),  # type: ignore[operator]
}


async def test_every_problem_names_its_field(usher: Running) -> None:
    for case, (change, name) in REFUSED.items():
        answer = await usher.ask("POST", PATH, MAIL | change)
        assert (answer.status, answer.fields) == (400, [name]), case
        check_shape(answer)
        assert PASSWORD not in answer.text
    assert (await usher.ask("GET", PATH)).data == []


async def test_a_kept_password_does_not_follow_a_server_that_somebody_changed(usher: Running) -> None:
    one = f"{PATH}/{(await usher.ask('POST', PATH, MAIL)).data['id']}"
    answer = await usher.ask("PUT", one, {"config": {"host": "smtp.evil.example"}})
    assert (answer.status, answer.fields) == (400, ["config.password"])
    assert (await usher.ask("PUT", one, {"config": {"host": "smtp.evil.example", "password": "x"}})).status == 200


async def test_everybody_may_see_what_is_wrong_and_only_admins_who_is_told(usher: Running) -> None:
    assert (await usher.ask("GET", "/v2/alert", role=Role.VIEWER)).data == {"open": [], "ended": []}
    assert (await usher.ask("GET", PATH, role=Role.OPERATOR)).status == 403


async def test_a_channel_by_a_name_that_is_taken_is_refused(usher: Running) -> None:
    await usher.ask("POST", PATH, MAIL)
    assert (await usher.ask("POST", PATH, MAIL)).status == 409
