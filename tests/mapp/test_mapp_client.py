import hashlib
import json

import jwt
import pytest

from usher.domain.attribute import Target
from usher.domain.outcome import Accepted, Late, Rejected, RetryLater, StopCause, StopJob, Unknown
from usher.errors import (
    InvalidInput,
    RemoteMissing,
    RemoteRefused,
    RemoteRejected,
    RemoteUnknown,
    RemoteUnreachable,
)
from usher.http import Reply
from usher.mapp.client import Account, MappClient

NOW_MS = 1_790_000_000_000  # Mon, 21 Sep 2026 14:13:20 GMT
ROOM_MS = NOW_MS + 15_000
SECRET = "the secret of this integration, 44 characters"
ROOT = "https://jamie.g.shortest-route.com/charon"
PATH = "/api/v1/integration/6f0c7d3e-0000-4000-8000-0123456789ab"
TARGET = Target(
    group_id="2324000001",
    attribute_name="vip_shoppers",
    prefix=None,
    identifier_type="email",
    create_users=False,
)
BODY = (
    b'{"email":"jo@example.com","group":"2324000001","vip_shoppers":"true",'
    b'"updateonly":"true","skipUnsubscribers":"true"}'
)


def answering(http, status=200, body=b"", **headers):
    http.answer = lambda _: Reply(status, headers, body)


def failing(http, error):
    def answer(_):
        raise error

    http.answer = answer


def claims_of(sent):
    return jwt.decode(sent.headers["auth-token"], SECRET, algorithms=["HS256"], options={"verify_exp": False})


async def send(client, member="jo@example.com", *, target=TARGET, is_in=True):
    return await client.send(target, member, is_in, expires_at_ms=ROOM_MS)


async def test_one_delivery_is_one_request_signed_over_the_bytes_it_sends(client, http):
    assert Accepted() == await send(client)

    (sent,) = http.sent
    assert (sent.method, sent.url) == ("POST", f"{ROOT}{PATH}/event?subtype=user")
    assert sent.body == BODY
    assert {**sent.headers, "auth-token": ""} == {
        "content-type": "application/json",
        "accept": "application/json",
        "auth-token": "",
    }
    signed = PATH.encode() + b"/event|" + BODY + b"|subtype=user"
    assert claims_of(sent) == {"request-hash": hashlib.sha1(signed).hexdigest(), "exp": ROOM_MS // 1000}
    assert sent.timeout_seconds == 10


@pytest.mark.parametrize("member", ["jürgen@example.com", 'a"b@example.com', "🦊"])
async def test_what_is_signed_is_what_is_sent_in_every_script(client, http, member):
    await send(client, member)

    (sent,) = http.sent
    signed = PATH.encode() + b"/event|" + sent.body + b"|subtype=user"
    assert json.loads(sent.body)["email"] == member
    assert claims_of(sent)["request-hash"] == hashlib.sha1(signed).hexdigest()


@pytest.mark.parametrize(
    ("status", "kind"), [(204, Accepted), (400, Rejected), (503, RetryLater), (504, Unknown), (302, StopJob)]
)
async def test_send_returns_what_the_answer_means(client, http, status, kind):
    answering(http, status)

    assert isinstance(await send(client), kind)


async def test_a_refused_token_stops_the_job_unless_its_time_had_run_out(client, http, clock):
    answering(http, 401)
    assert (await send(client)).cause is StopCause.CREDENTIALS

    clock.at_ms = ROOM_MS
    assert isinstance(await send(client), Late)


async def test_the_answers_time_counts_not_the_questions(client, http, clock):
    def slowly(_):
        clock.at_ms = ROOM_MS + 1
        return Reply(401, {}, b"")

    http.answer = slowly

    assert isinstance(await send(client), Late)


async def test_a_lost_answer_is_unknown_and_an_unsent_request_may_go_again(client, http):
    failing(http, RemoteUnknown("Timed out."))
    assert Unknown("Timed out.") == await send(client)

    failing(http, RemoteUnreachable("No connection."))
    assert RetryLater("No connection.") == await send(client)


async def test_nothing_is_sent_for_an_attribute_that_mapp_would_obey(client, http):
    target = Target("1", "delete", None, "email", create_users=False)

    assert isinstance(await send(client, target=target), Rejected)
    assert http.sent == []
    with pytest.raises(InvalidInput):
        client.preview(target, "jo@example.com", True)


async def test_mapps_words_reach_the_outcome_without_the_member(client, http):
    answering(http, 400, b'{"errorCode":"INVALID_PARAMETER","message":"jo@example.com is no address"}')

    assert Rejected("Mapp answered 400: INVALID_PARAMETER: [hidden] is no address.") == await send(client)


async def test_a_preview_is_the_request_that_is_sent_but_for_its_token(client, http):
    shown = client.preview(TARGET, "jo@example.com", True)
    await send(client)

    (sent,) = http.sent
    assert (shown.method, shown.url, shown.body.encode()) == (sent.method, sent.url, sent.body)
    assert shown.headers == {**sent.headers, "auth-token": "***"}
    assert "jo@example.com" not in repr(shown)


async def test_an_odd_integration_id_cannot_change_the_path(http, clock):
    account = Account("https://h.example", "a/../b?c", SECRET)

    await send(MappClient(account, http=http, clock=clock, timeout_seconds=10))

    assert http.sent[0].url == "https://h.example/api/v1/integration/a%2F..%2Fb%3Fc/event?subtype=user"


async def test_a_ping_is_signed_by_its_path_and_lives_no_longer_than_its_timeout(client, http):
    answering(http, 200, b'{"pong":true,"integrationId":"x","timestamp":1}')

    await client.ping()

    (sent,) = http.sent
    assert (sent.method, sent.url, sent.body) == ("GET", f"{ROOT}{PATH}/ping", b"")
    assert claims_of(sent) == {
        "request-hash": hashlib.sha1(f"{PATH}/ping".encode()).hexdigest(),
        "exp": NOW_MS // 1000 + 10,
    }


async def test_groups_are_asked_for_by_their_own_path(client, http):
    answering(http, 200, b'{"600350571":"Customers","7":8}')

    assert await client.groups() == {"600350571": "Customers", "7": "8"}
    assert http.sent[0].url == f"{ROOT}{PATH}/group"
    assert claims_of(http.sent[0])["request-hash"] == hashlib.sha1(f"{PATH}/group".encode()).hexdigest()


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"null", b" \n"])
async def test_no_groups_is_an_answer(client, http, body):
    answering(http, 200, body)

    assert await client.groups() == {}


def questions(client):
    return [client.ping, client.groups, client.check_rest, lambda: client.read_back("1", "jo@example.com")]


@pytest.mark.parametrize("question", range(4))
@pytest.mark.parametrize(
    ("status", "error"),
    [
        (301, RemoteRejected),
        (400, RemoteRejected),
        (401, RemoteRefused),
        (403, RemoteRefused),
        (417, RemoteRefused),
        (404, RemoteMissing),
        (410, RemoteMissing),
        (408, RemoteUnreachable),
        (429, RemoteUnreachable),
        (500, RemoteUnreachable),
        (502, RemoteUnreachable),
        (504, RemoteUnreachable),
    ],
)
async def test_a_refused_question_says_what_to_do(client, http, question, status, error):
    answering(http, status, b"words of Mapp about jo@example.com", **{"retry-after": "9"})

    with pytest.raises(error) as caught:
        await questions(client)[question]()

    assert (caught.value.system, caught.value.status) == ("Mapp", status)
    assert "words of Mapp" in caught.value.message
    assert "jo@example.com" not in caught.value.message
    assert caught.value.retry_after_seconds == (9.0 if error is RemoteUnreachable else None)


@pytest.mark.parametrize("question", range(4))
@pytest.mark.parametrize("failure", [RemoteUnknown("Timed out."), RemoteUnreachable("No connection.")])
async def test_a_question_without_an_answer_may_be_asked_again(client, http, question, failure):
    failing(http, failure)

    with pytest.raises(RemoteUnreachable, match=failure.message):
        await questions(client)[question]()


@pytest.mark.parametrize("body", [b"<html>Welcome</html>", b'{"pong":', b"7", b'"pong"', b'{"1":{}}', b"[" * 9_999])
@pytest.mark.parametrize("question", [0, 1, 3])
async def test_a_page_that_is_not_mapps_is_not_taken_for_an_answer(client, http, question, body):
    answering(http, 200, body)

    with pytest.raises(RemoteRejected, match="not as Mapp does"):
        await questions(client)[question]()


async def test_an_answer_without_an_end_is_not_taken_for_an_answer(client, http):
    http.answer = lambda _: Reply(200, {}, b"{}", is_cut=True)

    with pytest.raises(RemoteRejected):
        await client.groups()


async def test_a_ping_answered_no_is_a_refusal(client, http):
    answering(http, 200, b'{"pong":false}')

    with pytest.raises(RemoteRefused):
        await client.ping()


async def test_a_refused_ping_points_at_the_clock_when_it_is_wrong(client, http):
    answering(http, 401, date="Mon, 21 Sep 2026 14:14:20 GMT")

    with pytest.raises(RemoteRefused, match="60 s ahead of ours"):
        await client.ping()


@pytest.mark.parametrize("status", [200, 401, 500])
async def test_the_clocks_are_compared_by_any_answer(client, http, status):
    answering(http, status, date="Mon, 21 Sep 2026 14:14:20 GMT")
    assert await client.clock_difference_seconds() == 60.5

    answering(http, status, date="Mon, 21 Sep 2026 14:13:10 GMT")
    assert await client.clock_difference_seconds() == -9.5


@pytest.mark.parametrize("headers", [{}, {"date": "yesterday"}])
async def test_without_a_date_nothing_is_said_of_the_clocks(client, http, headers):
    answering(http, 200, **headers)

    assert await client.clock_difference_seconds() is None


async def test_a_member_is_read_back_by_e_mail_and_group(client, http):
    answering(http, 200, b'[{"name":"vip_shoppers","value":"true"}]')

    assert await client.read_back("2324000001", "jo+[x]&y@example.com") == {"vip_shoppers": "true"}

    (sent,) = http.sent
    assert sent.method == "GET"
    assert sent.url == (
        "https://amundsen.shortest-route.com/shop/api/rest/v19/membership/getAttributesByEmail"
        "?email=jo%2B%5Bx%5D%26y%40example.com&groupId=2324000001"
    )
    assert sent.headers == {
        "authorization": "Basic YXBpQHNob3AuZXhhbXBsZTpww6Rzc3dvcmQ=",
        "accept": "application/json",
    }


@pytest.mark.parametrize("kind", ["User", "Membership"])
async def test_nobody_there_is_an_answer(client, http, kind):
    answering(http, 400, json.dumps({"errorCode": "NO_SUCH_OBJECT", "message": "…", "objectType": kind}).encode())

    assert await client.read_back("1", "jo@example.com") is None


@pytest.mark.parametrize("rest", [{"objectType": "Group"}, {}])
async def test_a_missing_group_is_not_taken_for_a_missing_person(client, http, rest):
    answering(http, 400, json.dumps({"errorCode": "NO_SUCH_OBJECT", "message": "gone", **rest}).encode())

    with pytest.raises(RemoteMissing, match="Group ID"):
        await client.read_back("1", "jo@example.com")


async def test_rest_credentials_are_checked_by_the_cheapest_call(client, http):
    answering(http, 200, b"19")

    await client.check_rest()

    assert http.sent[0].url == "https://amundsen.shortest-route.com/shop/api/rest/v19/system/getApiVersion"


@pytest.mark.parametrize("missing", ["rest_api_url", "user", "password"])
async def test_without_all_rest_credentials_nothing_is_read(http, clock, missing):
    rest = {"rest_api_url": "https://h.example/shop", "user": "u", "password": "p", missing: ""}
    account = Account("https://h.example", "7", SECRET, **rest)
    client = MappClient(account, http=http, clock=clock, timeout_seconds=10)

    assert not account.has_rest
    for question in (client.check_rest(), client.read_back("1", "jo@example.com")):
        with pytest.raises(InvalidInput):
            await question
    assert http.sent == []


def test_secrets_are_not_in_the_repr_of_an_account(account):
    shown = repr(account)

    for hidden in (account.secret, account.user, account.password):
        assert hidden not in shown


def test_an_account_without_an_address_is_refused_before_anything_is_sent(http, clock):
    with pytest.raises(InvalidInput):
        MappClient(Account("", "7", SECRET), http=http, clock=clock, timeout_seconds=10)
