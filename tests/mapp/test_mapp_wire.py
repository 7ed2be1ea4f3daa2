import json
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from usher.domain.attribute import Target, attribute_name, dynamic_prefix
from usher.errors import InvalidInput
from usher.mapp.wire import (
    RESERVED_NAMES,
    attribute_key,
    attributes_in,
    groups_in,
    is_pong,
    is_reserved,
    user_event,
    value_held,
)

GROUP = "2324000001"


def a_target(**changes) -> Target:
    given = {
        "group_id": GROUP,
        "attribute_name": "vip",
        "prefix": None,
        "identifier_type": "email",
        "create_users": False,
    }
    return Target(**(given | changes))


# What is typed -> what must stand in the body, written out by hand.
NAMES = [("VIP Shoppers", "VIP Shoppers"), ("", "vip_shoppers")]
PREFIXES = [(None, ""), ("shop_", "shop_"), ("", "2324000001_")]
IDENTIFIERS = [
    ("email", '"email":"jo@example.com"', "jo@example.com"),
    ("userID", '"userID":"u-77"', "u-77"),
    ("mobileNumber", '"mobileNumber":"+4915112345678"', "+4915112345678"),
    ("externalID", '"externalID":"crm/9"', "crm/9"),
]
CREATES = [(False, '"updateonly":"true"'), (True, '"updateonly":"false"')]
VALUES = [(True, '"true"'), (False, '"false"')]


@pytest.mark.parametrize(
    ("name", "prefix", "identifier", "creates", "value"),
    list(product(NAMES, PREFIXES, IDENTIFIERS, CREATES, VALUES)),
)
def test_every_setting_gives_the_body_the_design_shows(name, prefix, identifier, creates, value):
    (typed_name, name_text), (typed_prefix, prefix_text) = name, prefix
    (kind, identifier_text, member), (create_users, update_text), (is_in, value_text) = (
        identifier,
        creates,
        value,
    )
    target = Target(
        group_id=GROUP,
        attribute_name=attribute_name(typed_name, audience_slug="vip_shoppers"),
        prefix=None if typed_prefix is None else dynamic_prefix(typed_prefix, group_id=GROUP),
        identifier_type=kind,
        create_users=create_users,
    )
    expected = (
        "{"
        + identifier_text
        + ',"group":"2324000001","'
        + prefix_text
        + name_text
        + '":'
        + value_text
        + ","
        + update_text
        + ',"skipUnsubscribers":"true"}'
    )

    assert expected.encode() == user_event(target, member, is_in)


def test_the_body_of_the_design_word_for_word():
    expected = (
        b'{"email":"jo@example.com","group":"2324000001","vip_shoppers":"true",'
        b'"updateonly":"true","skipUnsubscribers":"true"}'
    )

    assert user_event(a_target(attribute_name="vip_shoppers"), "jo@example.com", True) == expected


@pytest.mark.parametrize(
    ("member", "written"),
    [
        ("jürgen@example.com", rb'"j\u00fcrgen@example.com"'),
        ('"jo \\ x"@example.com', rb'"\"jo \\ x\"@example.com"'),
        ("o'brien@example.com", b'"o\'brien@example.com"'),
        ("Ω-77", rb'"\u03a9-77"'),
        ("🦊@example.com", rb'"\ud83e\udd8a@example.com"'),
        ("</script>", b'"</script>"'),
        ('x","delete":"true', rb'"x\",\"delete\":\"true"'),
    ],
)
def test_a_member_is_escaped_to_ascii_and_cannot_break_out(member, written):
    expected = (
        b'{"email":' + written + b',"group":"2324000001","vip":"true","updateonly":"true","skipUnsubscribers":"true"}'
    )

    assert user_event(a_target(), member, True) == expected


@given(member=st.text(st.characters(exclude_categories=["Cs"])), name=st.text(min_size=1), is_in=st.booleans())
def test_whatever_goes_in_comes_out_of_the_json_unchanged_and_in_order(member, name, is_in):
    body = user_event(a_target(attribute_name=f"x_{name}"), member, is_in)

    assert [
        ("email", member),
        ("group", GROUP),
        (f"x_{name}", "true" if is_in else "false"),
        ("updateonly", "true"),
        ("skipUnsubscribers", "true"),
    ] == json.loads(body, object_pairs_hook=list)
    assert body.isascii()


@pytest.mark.parametrize("name", sorted(RESERVED_NAMES))
@pytest.mark.parametrize("change", [str, str.upper, str.title])
def test_an_attribute_can_never_become_an_order_to_mapp(name, change):
    assert is_reserved(change(name))
    with pytest.raises(InvalidInput, match="mapp_attribute_name"):
        user_event(a_target(attribute_name=change(name)), "jo@example.com", True)


def test_orders_that_delete_or_unsubscribe_people_are_reserved():
    assert {"email", "group", "updateonly", "delete", "unsubscribe", "skipUnsubscribers"} <= RESERVED_NAMES


def test_the_whole_key_decides_whether_it_is_reserved():
    assert not is_reserved(attribute_key(a_target(attribute_name="delete", prefix="shop_")))
    assert is_reserved(attribute_key(a_target(attribute_name="ID", prefix="user")))
    assert not is_reserved("vip")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"pong": True, "integrationId": "x", "timestamp": 1}, True),
        ({"pong": "true"}, True),
        ({"pong": False}, False),
        ({"ping": True}, None),
        ({"pong": None}, None),
        ({"pong": 1}, None),
        ([], None),
        (None, None),
        ("pong", None),
    ],
)
def test_only_a_pong_is_a_pong(content, expected):
    assert is_pong(content) is expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"600350571": "Customers"}, {"600350571": "Customers"}),
        ({"600350571": 7}, {"600350571": "7"}),
        ({}, {}),
        ([], {}),
        (None, {}),
        ({"1": None}, None),
        ({"1": True}, None),
        ({"1": {"name": "x"}}, None),
        (["Customers"], None),
        ("Customers", None),
        (7, None),
    ],
)
def test_groups_are_read_or_refused_never_guessed(content, expected):
    assert groups_in(content) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ([{"name": "vip", "value": "true"}, {"name": "n", "value": 7}], {"vip": "true", "n": "7"}),
        ([{"name": "vip", "value": None}, {"name": "bare"}], {}),
        ([], {}),
        (None, {}),
        ({"vip": "true"}, None),
        ([["vip", "true"]], None),
        ([{"value": "true"}], None),
        ("vip", None),
    ],
)
def test_attributes_are_read_or_refused_never_guessed(content, expected):
    assert attributes_in(content) == expected


@pytest.mark.parametrize(
    ("held", "prefix", "expected"),
    [
        ({"vip": "true"}, None, "true"),
        ({"vip": "true"}, "shop_", "true"),
        ({"shop_vip": "false"}, "shop_", "false"),
        ({"shop_vip": "false"}, None, None),
        ({"vip": "true", "shop_vip": "false"}, "shop_", "true"),
        ({}, "shop_", None),
    ],
)
def test_a_jobs_attribute_is_found_with_or_without_its_prefix(held, prefix, expected):
    assert value_held(held, a_target(prefix=prefix)) == expected
