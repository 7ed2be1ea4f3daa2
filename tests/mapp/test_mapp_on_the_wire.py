"""Every combination of settings, as it goes over the wire: method, address, headers and body, worked out by hand."""

import hashlib
from itertools import product

import jwt
import pytest

from tests.mapp.test_mapp_wire import CREATES, GROUP, IDENTIFIERS, VALUES
from usher.domain.attribute import Target
from usher.domain.outcome import Accepted

ADDRESS = (
    "https://jamie.g.shortest-route.com/charon"
    "/api/v1/integration/6f0c7d3e-0000-4000-8000-0123456789ab/event?subtype=user"
)
SIGNED_PATH = "/api/v1/integration/6f0c7d3e-0000-4000-8000-0123456789ab/event"
ATTRIBUTES = [
    ("VIP Shoppers", None, "VIP Shoppers"),
    ("vip_shoppers", None, "vip_shoppers"),
    ("vip_shoppers", "shop_", "shop_vip_shoppers"),
    ("vip_shoppers", "2324000001_", "2324000001_vip_shoppers"),
]


@pytest.mark.parametrize(
    ("attribute", "identifier", "creates", "value"), list(product(ATTRIBUTES, IDENTIFIERS, CREATES, VALUES))
)
async def test_every_setting_gives_the_request_worked_out_by_hand(  # noqa: PLR0917 - fixtures and parameters
    client, http, account, clock, attribute, identifier, creates, value
):
    name, prefix, key = attribute
    (kind, identifier_text, member), (create_users, update_text), (is_in, value_text) = identifier, creates, value
    target = Target(group_id=GROUP, attribute_name=name, prefix=prefix, identifier_type=kind, create_users=create_users)
    body = (
        f'{{{identifier_text},"group":"{GROUP}","{key}":{value_text},{update_text},"skipUnsubscribers":"true"}}'
    ).encode()
    expires_at_ms = clock.now_ms() + 15_999

    outcome = await client.send(target, member, is_in, expires_at_ms=expires_at_ms)

    (sent,) = http.sent
    assert outcome == Accepted()
    assert (sent.method, sent.url, sent.body) == ("POST", ADDRESS, body)
    assert {name: text for name, text in sent.headers.items() if name != "auth-token"} == {
        "accept": "application/json",
        "content-type": "application/json",
    }
    claims = jwt.decode(sent.headers["auth-token"], account.secret, algorithms=["HS256"], options={"verify_exp": False})
    assert claims == {
        "request-hash": hashlib.sha1(f"{SIGNED_PATH}|".encode() + body + b"|subtype=user").hexdigest(),
        "exp": expires_at_ms // 1000,
    }
