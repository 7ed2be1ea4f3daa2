from typing import Any

import pytest
from fake_lytics import reply

from usher.errors import RemoteError, RemoteMissing, RemoteRefused, RemoteRejected, RemoteUnreachable
from usher.http import Reply
from usher.lytics.wire import read_answer

LISTED = {"status": 404, "request_id": "7c1e", "errors": [{"code": "JOB-NOTFOUND-004", "message": "no such job"}]}
FLAT = {"status": 404, "request_id": "7c1e", "message": "no such job"}
V1 = {"status": 404, "data": None, "message": "no such job"}


def error_of(answer: Reply, **others: Any) -> RemoteError:
    with pytest.raises(RemoteError) as caught:
        read_answer(answer, operation="look at the job", **others)
    assert caught.value.system == "Lytics"
    return caught.value


@pytest.mark.parametrize("body", [LISTED, FLAT, V1, V1 | {"status": "404"}])
def test_every_shape_of_error_says_what_lytics_said(body: dict[str, Any]) -> None:
    error = error_of(reply(404, body, request_id="7c1e"))

    assert isinstance(error, RemoteMissing)
    assert "404 to 'look at the job': no such job." in error.message
    assert "7c1e" in error.message


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (301, RemoteRejected),
        (400, RemoteRejected),
        (401, RemoteRefused),
        (403, RemoteRefused),
        (404, RemoteMissing),
        (408, RemoteUnreachable),
        (409, RemoteRejected),
        (410, RemoteRejected),
        (422, RemoteRejected),
        (429, RemoteUnreachable),
        (500, RemoteUnreachable),
        (502, RemoteUnreachable),
        (503, RemoteUnreachable),
    ],
)
def test_a_status_says_what_to_do(status: int, kind: type[RemoteError]) -> None:
    error = error_of(reply(status, {"message": "no", "status": status}))

    assert (type(error), error.status) == (kind, status)


@pytest.mark.parametrize("status", [200, 400, 403, 404, 502, 503])
@pytest.mark.parametrize("body", [b"<html>Not here</html>", b'{"data": [', b'["data"]', b"null"])
def test_a_proxys_page_is_never_taken_for_lytics_word(status: int, body: bytes) -> None:
    error = error_of(reply(status, body))

    assert type(error) is RemoteUnreachable
    assert "Not here" not in error.message


def test_a_page_that_asks_for_a_login_refuses_the_credentials() -> None:
    assert isinstance(error_of(reply(401, b"<html>")), RemoteRefused)


@pytest.mark.parametrize("status", ["401", 401])
def test_an_error_inside_a_good_answer_is_an_error(status: Any) -> None:
    body = {"data": None, "message": "Not authorized", "status": status}

    assert isinstance(error_of(reply(200, body)), RemoteRefused)


@pytest.mark.parametrize("status", [200, "200", "success", None, True, [], "²⁰⁰"])
def test_any_other_status_inside_a_good_answer_is_ignored(status: Any) -> None:
    answer = read_answer(reply(200, {"data": [1], "status": status}), operation="list")

    assert answer.data == [1]


def test_an_empty_body_is_an_answer_only_where_it_may_be() -> None:
    assert read_answer(reply(204, b""), operation="delete", may_be_empty=True).data is None
    assert type(error_of(reply(200, b""))) is RemoteUnreachable


def test_an_answer_that_was_cut_will_never_fit() -> None:
    assert type(error_of(Reply(200, {}, b'{"data": [', is_cut=True))) is RemoteRejected


@pytest.mark.parametrize(
    ("status", "header", "expected"),
    [
        (429, "", 10),
        (429, "3", 3),
        (503, "7", 7),
        (503, "", None),
        (429, "soon", 10),
        (503, "9" * 8, 3600),
        (429, "-1", 10),
    ],
)
def test_patience_is_what_lytics_asks_or_ten_seconds_for_a_throttle(
    status: int, header: str, expected: float | None
) -> None:
    answer = reply(status, {"message": "slow down"}, **({"retry_after": header} if header else {}))

    assert error_of(answer).retry_after_seconds == expected


def test_a_secret_that_lytics_repeats_is_not_passed_on() -> None:
    error = error_of(reply(400, {"message": "bad header Bearer s3cret"}), secrets=("Bearer s3cret", "s3cret", ""))

    assert "s3cret" not in error.message
    assert "bad header ***" in error.message


def test_what_lytics_says_is_kept_short_and_on_one_line() -> None:
    error = error_of(reply(400, {"message": "a\nb\x1b[31m" + "x" * 5_000, "request_id": "r" * 500}))

    assert error.message.isprintable()
    assert len(error.message) < 500


@pytest.mark.parametrize("errors", [None, [], {}, "no", [None], [{}], [{"message": None}], [{"message": ["x"]}]])
def test_an_error_without_words_is_an_error_all_the_same(errors: Any) -> None:
    assert "422" in error_of(reply(422, {"errors": errors, "message": 17})).message


def test_an_answer_names_nobody_in_its_repr() -> None:
    answer = read_answer(reply(200, {"data": [{"email": "ana@example.org"}]}), operation="scan")

    assert "ana@" not in repr(answer)
