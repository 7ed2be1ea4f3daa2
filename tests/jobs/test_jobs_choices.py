"""What the wizard offers: only what the vendors say, in an order that people look for."""

import pytest

from tests.jobs.fake_vendors import VIP, profile_field, segment
from usher.errors import NotFound, RemoteMissing, RemoteRefused
from usher.jobs.choices import audiences, groups, identifier_fields

SCAN = f"GET /api/segment/{VIP}/scan"


async def test_audiences_come_by_name_with_what_keeps_each_from_being_exported(office):
    office.vendors.segments = [
        segment("c" * 32, "zebra"),
        segment("a" * 32, "broken", name="apes", invalid=True, invalid_reason="no such field"),
        segment("b" * 32, "no_size", size=None, name="Bees"),
        {"id": "d" * 32},
        {"slug_name": "no id"},
    ]

    found = await audiences(office.desk, office.lytics)

    assert [(one.name, one.size) for one in found] == [
        ("apes", 1830),
        ("Bees", None),
        ("d" * 32, None),
        ("Zebra", 1830),
    ]
    assert "no such field" in found[0].problem
    assert [one.problem for one in found[1:]] == ["", "", ""]
    assert found[3].searchable == f"zebra zebra {'c' * 32}"


async def test_without_an_audience_fields_are_named_and_nothing_is_said_of_people(office):
    office.vendors.fields = [
        profile_field("city", is_identifier=False),
        profile_field("user_id", is_identifier=True),
        profile_field("Email", is_identifier=True),
    ]

    offered = await identifier_fields(office.desk, office.lytics)

    assert [(one.name, one.is_identifier) for one in offered.fields] == [
        ("Email", True),
        ("user_id", True),
        ("city", False),
    ]
    assert (offered.looked_at, offered.unread) == (None, "")
    assert {(one.filled, one.sample, one.is_redacted) for one in offered.fields} == {(None, None, None)}
    assert not any("/scan" in asked.line for asked in office.vendors.asked)


async def test_of_an_audience_it_is_said_how_many_have_each_field_with_one_request(office):
    office.vendors.values = [None, "jo.public@example.com", "ana@example.org"]

    offered = await identifier_fields(office.desk, office.lytics, VIP, may_see_people=True)

    email, city = offered.fields
    assert (offered.looked_at, email.filled, email.sample, email.is_redacted) == (3, 2, "jo.public@example.com", False)
    assert (city.name, city.filled) == ("city", 2)
    assert [asked.line for asked in office.vendors.asked].count(SCAN) == 1


async def test_who_may_not_see_people_gets_masked_samples(office):
    email = (await identifier_fields(office.desk, office.lytics, VIP)).fields[0]

    assert email.sample == "j***@e***.com"
    assert "jo.public" not in repr(email)


async def test_values_that_lytics_hides_are_said_to_be_hidden(office):
    office.vendors.values = ["***", "***"]

    assert (await identifier_fields(office.desk, office.lytics, VIP)).fields[0].is_redacted is True


async def test_nothing_is_guessed_of_people_who_cannot_be_read(office):
    office.vendors.refusing = {SCAN: 403}

    offered = await identifier_fields(office.desk, office.lytics, VIP)

    assert (offered.looked_at, {one.filled for one in offered.fields}) == (None, {None})
    assert offered.unread


async def test_an_audience_without_people_fills_no_field_and_has_no_sample(office):
    office.vendors.values = []

    offered = await identifier_fields(office.desk, office.lytics, VIP)

    assert offered.looked_at == 0
    assert {(one.filled, one.sample, one.is_redacted) for one in offered.fields} == {(0, None, None)}


async def test_a_field_whose_name_would_be_read_as_two_is_offered_and_not_asked_for(office):
    office.vendors.fields = [
        profile_field("email,city", is_identifier=True),
        profile_field("email", is_identifier=True),
    ]

    offered = await identifier_fields(office.desk, office.lytics, VIP)

    assert [(one.name, one.filled) for one in offered.fields] == [("email", 2), ("email,city", None)]


async def test_groups_come_by_name(office):
    office.vendors.groups = {"2": "beta", "1": "Alpha", "3": "alpha"}

    assert [(one.id, one.name) for one in await groups(office.desk, office.mapp)] == [
        ("1", "Alpha"),
        ("3", "alpha"),
        ("2", "beta"),
    ]


async def test_what_a_vendor_refuses_is_for_the_page_to_say(office):
    office.vendors.refusing = {
        "GET /charon/api/v1/integration/int-1/group": 404,
        "GET /v2/segment": 401,
        "GET /v2/schema/user/field": 401,
    }

    with pytest.raises(RemoteMissing):
        await groups(office.desk, office.mapp)
    with pytest.raises(RemoteRefused):
        await audiences(office.desk, office.lytics)
    with pytest.raises(RemoteRefused):
        await identifier_fields(office.desk, office.lytics, VIP)
    with pytest.raises(NotFound):
        await audiences(office.desk, office.mapp)
