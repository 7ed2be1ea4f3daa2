"""What a person can do about a rejection, from Mapp's words."""

import pytest

from usher.domain.advice import GENERAL, advice_for
from usher.domain.attribute import Target
from usher.errors import InvalidInput
from usher.mapp.wire import user_event


@pytest.mark.parametrize(
    ("reason", "title"),
    [
        ("Mapp answered 400: INVALID_PARAMETER: Value [hidden] is not valid.", "Mapp calls a value not valid"),
        ("Mapp answered 400: INVALID_PARAMETER: Email, 129 characters at most.", "Longer than Mapp allows"),
        ("Mapp answered 400: NO_SUCH_OBJECT: User [hidden] does not exist.", "Mapp does not know these people"),
        ("Mapp answered 400: NO_SUCH_OBJECT: Group with id=[hidden] does not exist.", "Mapp does not take the group"),
        ("Mapp answered 400: MISSING_FIELD.", "Mapp misses a field"),
        ("Mapp answered 422: No mapping for vip_shoppers.", "Mapp does not take the attribute"),
        ("Mapp answered 400: The address is on the blacklist.", "On Mapp's blacklist"),
        ("Mapp answered 400: User has unsubscribed from the group.", "Unsubscribed in Mapp"),
        ("Mapp answered 409: User already exists.", "Mapp has somebody else by this identifier"),
    ],
)  # fmt: skip
def test_a_known_reason_has_advice_of_its_own(reason, title):
    assert advice_for(reason).title == title


@pytest.mark.parametrize("reason", ["", "Mapp answered 418, no reason given.", "Mapp answered 400: Quux.", "\u202e<b>"])
def test_whatever_is_not_known_gets_general_advice(reason):
    assert advice_for(reason) is GENERAL


def test_a_name_that_mapp_would_obey_is_told_apart_from_mapps_own_reasons():
    target = Target("42", "delete", None, "email", create_users=False)
    with pytest.raises(InvalidInput) as caught:
        user_event(target, "jo@example.com", True)

    assert advice_for(caught.value.message).title == "The attribute has a name that Mapp obeys"
