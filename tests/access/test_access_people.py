"""Who is on the list, under which name, and that an admin is always left."""

import asyncio

import pytest

from tests.access.house import GOOD, ROOT
from tests.crossing import TurnByTurn
from usher.access.entering import sign_in
from usher.access.names import LONGEST_RAW, clean_name, name_key, name_problems
from usher.access.people import MOST_PEOPLE, change_role, create_person, list_people, remove_person, reset_person
from usher.access.roles import Actor, Role
from usher.access.sessions import session_of
from usher.errors import Conflict, Forbidden, InvalidInput, NotFound, Unauthenticated

SAME = [("Anna", " anna "), ("ANNA", "anna"), ("Jos\u00e9", "jose\u0301"), ("Stra\u00dfe", "STRASSE"), ("a b", "A B")]


@pytest.mark.parametrize(("one", "other"), SAME, ids=range(len(SAME)))
def test_spellings_of_one_name_are_one_name(one, other):
    assert name_key(one) == name_key(other)


def test_different_names_stay_different():
    assert len({name_key(name) for name in ("anna", "anne", "an na", "anna.")}) == 4


@pytest.mark.parametrize("name", ["", "a" * 101, "a\nb", "zero\u200bwidth", "right\u202eleft", "\ud800"], ids=range(6))
def test_a_name_has_1_to_100_printable_characters(name):
    assert [problem.field for problem in name_problems(clean_name(name))] == ["name"]
    assert name_problems("a" * 100) == []


def test_a_name_is_cut_before_it_is_normalised_which_takes_the_square_of_its_length():
    endless = "a" + "\u0315\u0300" * 5_000
    assert len(clean_name(endless)) <= LONGEST_RAW
    assert len(name_key(endless)) <= 3 * LONGEST_RAW
    assert name_problems(clean_name(endless))


def test_a_name_is_as_long_as_its_letters_however_they_are_composed():
    longest = "\u03b1\u0313\u0300\u0345" * 100  # one letter each, once it is composed
    assert len(clean_name(longest)) == 100
    assert name_problems(clean_name(longest)) == []
    assert [problem.field for problem in name_problems(clean_name(longest + "x"))] == ["name"]


async def test_an_invited_person_is_listed_but_cannot_sign_in_yet(house):
    person, _ = await create_person(house, ROOT, name=" Bo ", role="operator")

    assert await list_people(house) == [person]
    assert (person.name, person.role, person.created_by, person.can_sign_in) == ("Bo", "operator", "root", False)
    with pytest.raises(Unauthenticated):
        await house.enter("Bo", "")


async def test_nobody_has_a_name_that_somebody_has(house):
    await create_person(house, ROOT, name="Jos\u00e9", role="viewer")

    with pytest.raises(Conflict):
        await create_person(house, ROOT, name="JOSE\u0301", role="viewer")


async def test_every_problem_with_a_new_person_is_named(house):
    with pytest.raises(InvalidInput) as caught:
        await create_person(house, ROOT, name=" ", role="king")

    assert [problem.field for problem in caught.value.problems] == ["name", "role"]
    assert await list_people(house) == []


async def test_the_list_has_an_end(house):
    numbers = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {MOST_PEOPLE})"
    await house.database.write(
        lambda txn: txn.conn.exec_driver_sql(
            f"{numbers} INSERT INTO people (id, name, role, created_ms) SELECT i, 'p' || i, 'viewer', 0 FROM n"
        )
    )

    with pytest.raises(Conflict, match="Remove some"):
        await create_person(house, ROOT, name="one more", role="viewer")


async def test_the_role_of_a_session_is_read_anew_each_time(house):
    await house.first_admin()
    await house.add("Bo", Role.ADMIN)
    token = await sign_in(house, name="Bo", password=GOOD, address="", browser="")
    assert (await session_of(house, token)).actor.role is Role.ADMIN

    await change_role(house, ROOT, name="Bo", role="viewer")

    assert (await session_of(house, token)).actor.role is Role.VIEWER


async def test_a_removed_person_is_out_at_once(house):
    await house.first_admin()
    await house.add("Bo")
    await remove_person(house, ROOT, name=" bo")

    assert len(await house.rows("SELECT * FROM sessions")) == 1
    with pytest.raises(Unauthenticated):
        await house.enter("Bo")
    await house.add("Bo")


async def test_the_last_admin_who_can_sign_in_stays_one(house):
    await house.first_admin()
    await create_person(house, ROOT, name="Invited", role="admin")
    await house.add("Bo", Role.OPERATOR)
    for attempt in (
        remove_person(house, ROOT, name="anna"),
        change_role(house, ROOT, name="anna", role="operator"),
    ):
        with pytest.raises(Conflict, match="last administrator"):
            await attempt

    await change_role(house, ROOT, name="anna", role="admin")
    await change_role(house, ROOT, name="Bo", role="admin")
    await remove_person(house, ROOT, name="Anna")
    assert [person.name for person in await list_people(house)] == ["Invited", "Bo"]


async def test_two_admins_who_remove_each_other_at_once_leave_one(house):
    anna = await house.first_admin()
    bo = await house.add("Bo", Role.ADMIN)
    house.database = TurnByTurn(house.database)
    ended = await asyncio.gather(
        remove_person(house, anna.actor, name="Bo"),
        remove_person(house, bo.actor, name="Anna"),
        return_exceptions=True,
    )

    assert sorted(type(one).__name__ for one in ended) == ["Conflict", "NoneType"]
    assert len(await list_people(house)) == 1


async def test_an_admin_who_never_signed_in_can_be_removed(house):
    await create_person(house, ROOT, name="Bo", role="admin")
    await remove_person(house, ROOT, name="Bo")

    assert await list_people(house) == []


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
async def test_only_admins_look_after_people(house, role):
    await create_person(house, ROOT, name="Bo", role="viewer")
    eve = Actor("eve", role)
    for attempt in (
        create_person(house, eve, name="Cy", role="viewer"),
        reset_person(house, eve, name="Bo"),
        change_role(house, eve, name="Bo", role="admin"),
        remove_person(house, eve, name="Bo"),
    ):
        with pytest.raises(Forbidden):
            await attempt
    assert [(person.name, person.role) for person in await list_people(house)] == [("Bo", "viewer")]


async def test_nobody_is_not_found(house):
    for attempt in (
        reset_person(house, ROOT, name="x"),
        change_role(house, ROOT, name="x", role="viewer"),
        remove_person(house, ROOT, name="x"),
    ):
        with pytest.raises(NotFound, match="usher admin list"):
            await attempt


async def test_what_is_done_to_people_is_written_down(house):
    await create_person(house, ROOT, name="Bo", role="viewer")
    await reset_person(house, ROOT, name="bo")
    await change_role(house, ROOT, name="bo", role="viewer")
    await change_role(house, ROOT, name="bo", role="operator")
    await remove_person(house, ROOT, name="bo")

    told = ["person.create", "person.reset", "person.role", "person.remove"]
    assert await house.actions() == [("root", action, "Bo") for action in told]
