"""The attribute a job writes: every way of filling in its name and its prefix."""

import pytest

from usher.domain.attribute import Target, attribute_name, dynamic_prefix, value_of
from usher.domain.job import JobConfig

SLUG = "vip_shoppers"


def config(**more):
    return JobConfig(segment_id="s", uid_field="email", group_id="2324", **more)


@pytest.mark.parametrize(("is_in", "value"), [(True, "true"), (False, "false")])
def test_membership_is_written_as_text(is_in, value):
    assert value_of(is_in) == value


@pytest.mark.parametrize(("configured", "name"), [("", SLUG), ("vip", "vip"), ("VIP customers", "VIP customers")])
def test_a_blank_name_means_the_audience_s_slug(configured, name):
    assert attribute_name(configured, audience_slug=SLUG) == name


@pytest.mark.parametrize(("configured", "prefix"), [("", "2324_"), ("crm_", "crm_"), ("_", "_")])
def test_a_blank_prefix_means_the_group_and_an_underscore(configured, prefix):
    assert dynamic_prefix(configured, group_id="2324") == prefix


@pytest.mark.parametrize(
    ("name", "is_dynamic", "prefix", "resolved_name", "resolved_prefix"),
    [
        ("", False, "", SLUG, None),
        ("", False, "crm_", SLUG, None),
        ("vip", False, "", "vip", None),
        ("vip", False, "crm_", "vip", None),
        ("", True, "", SLUG, "2324_"),
        ("", True, "crm_", SLUG, "crm_"),
        ("vip", True, "", "vip", "2324_"),
        ("vip", True, "crm_", "vip", "crm_"),
    ],
)
def test_every_combination_of_name_and_prefix_is_resolved(name, is_dynamic, prefix, resolved_name, resolved_prefix):
    target = config(
        mapp_attribute_name=name, enable_dynamic_attributes=is_dynamic, dynamic_attribute_prefix=prefix
    ).target(audience_slug=SLUG)

    assert (target.attribute_name, target.prefix) == (resolved_name, resolved_prefix)


@pytest.mark.parametrize("create_users", [True, False])
@pytest.mark.parametrize("identifier_type", ["email", "userID", "mobileNumber", "externalID"])
def test_a_target_says_where_and_whom_and_whether_to_create(create_users, identifier_type):
    target = config(create_users=create_users, identifier_type=identifier_type).target(audience_slug=SLUG)

    assert target == Target("2324", SLUG, None, identifier_type, create_users)


def test_nobody_is_created_unless_it_was_asked_for():
    assert config().target(audience_slug=SLUG).create_users is False
