"""Credentials: what is refused, what is kept and how, what a test finds, and who may not be deleted."""

import msgspec
import pytest

from tests.jobs.fake_vendors import LYTICS_HOST, MAPP_HOST, REST_HOST, VIP
from tests.jobs.office import ANNA, PASSWORD, SECRET, TOKEN, Office, key_of
from usher.errors import Conflict, InvalidInput, NotFound, RemoteRefused
from usher.jobs import authorizations as service
from usher.jobs.control import kill_job
from usher.jobs.drafts import read_auth_draft
from usher.jobs.resealing import Resealed, reseal_everything
from usher.jobs.sealing import open_secrets
from usher.store.authorizations import authorization_by_id, change_authorization
from usher.vault import KeyRing, Vault

REST = {"rest_api_url": f"https://{REST_HOST}/shop", "user": "api@shop", "password": PASSWORD}
MAPP = {"api_url": f"https://{MAPP_HOST}/charon", "integration_id": "int-9", "secret": SECRET}


async def create(office: Office, kind: str, config, label: str = "New"):
    return await service.create_authorization(
        office.desk, ANNA, read_auth_draft({"label": label, "config": config}, kind=kind)
    )


async def change(office: Office, auth_id: str, kind: str | None = None, **body):
    return await service.change_authorization(office.desk, ANNA, auth_id, read_auth_draft(body, kind=kind))


async def secrets_of(office: Office, auth_id: str) -> dict[str, str]:
    auth = await office.desk.database.read(lambda txn: authorization_by_id(txn, auth_id))
    return open_secrets(office.desk.vault, auth)


async def problems_of(office: Office, kind: str, config) -> set[str]:
    with pytest.raises(InvalidInput) as caught:
        await create(office, kind, config)
    assert SECRET not in str(caught.value)
    return {problem.field for problem in caught.value.problems}


async def test_secrets_go_in_and_never_come_out(office):
    rest = await create(office, "userpass-secret", {**MAPP, **REST})
    returned = [rest, *await service.list_authorizations(office.desk)]
    returned += [await service.show_authorization(office.desk, rest.id), await change(office, rest.id, label="R")]
    token = (await service.test_authorization(office.desk, ANNA, office.lytics), office.desk)

    for secret in (SECRET, TOKEN, PASSWORD, "api@shop"):
        assert secret not in f"{returned!r}{token!r}{msgspec.json.encode(returned)!r}"
        assert secret not in await office.everything_kept()
    assert all(auth.secrets == "" for auth in returned)
    assert (await secrets_of(office, rest.id))["password"] == PASSWORD


async def test_a_draft_shows_no_secret_in_its_repr():
    assert SECRET not in repr(read_auth_draft({"config": MAPP}))


@pytest.mark.parametrize(
    ("kind", "config", "fields"),
    [
        ("integration-secret", {}, {"config.api_url", "config.integration_id", "config.secret"}),
        ("integration-secret", {**MAPP, "colour": 1}, {"config.colour"}),
        ("integration-secret", {**MAPP, **REST}, {"config.rest_api_url", "config.user", "config.password"}),
        ("integration-secret", {**MAPP, "api_url": "http://mapp.example.net"}, {"config.api_url"}),
        ("integration-secret", {**MAPP, "api_url": "https://127.0.0.1/charon"}, {"config.api_url"}),
        ("integration-secret", {**MAPP, "api_url": "not an address"}, {"config.api_url"}),
        ("integration-secret", {**MAPP, "secret": 5}, {"config.secret"}),
        ("integration-secret", {**MAPP, "requests_per_second": 0}, {"config.requests_per_second"}),
        ("integration-secret", {**MAPP, "requests_per_second": True}, {"config.requests_per_second"}),
        ("integration-secret", {**MAPP, "max_in_flight": 0}, {"config.max_in_flight"}),
        ("integration-secret", {**MAPP, "max_in_flight": 1.5}, {"config.max_in_flight"}),
        ("integration-secret", {**MAPP, "max_in_flight": 257}, {"config.max_in_flight"}),
        ("userpass-secret", MAPP, {"config.rest_api_url", "config.user", "config.password"}),
        ("lytics-token", {}, {"config.token"}),
        ("lytics-token", {"token": "Bearer abc"}, {"config.token"}),
        ("lytics-token", {"token": "t", "requests_per_second": 5}, {"config.requests_per_second"}),
        ("sftp", {}, {"type"}),
    ],
)
async def test_every_problem_with_credentials_is_named(office, kind, config, fields):
    assert await problems_of(office, kind, config) == fields


async def test_a_label_is_needed(office):
    with pytest.raises(InvalidInput) as caught:
        await create(office, "sftp", {}, label="")
    assert {p.field for p in caught.value.problems} == {"label", "type"}


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (None, "https://api.lytics.io"),
        ("api.lytics.io/v2/", "https://api.lytics.io"),
        ("https://lytics.example.net/api", "https://lytics.example.net"),
    ],
)
async def test_lytics_address_is_taken_however_it_was_copied(office, typed, kept):
    auth = await create(office, "lytics_token", {"token": f" {TOKEN}\n", "api_url": typed})

    assert auth.config == {"api_url": kept}
    assert await secrets_of(office, auth.id) == {"token": TOKEN}


async def test_a_rename_leaves_credentials_health_and_revision_alone(office):
    await service.test_authorization(office.desk, ANNA, office.mapp)
    before = await service.show_authorization(office.desk, office.mapp)

    after = await change(office, office.mapp, label="Renamed", description="why")

    assert (after.label, after.description) == ("Renamed", "why")
    assert (after.revision, after.status, after.config) == (before.revision, "healthy", before.config)


async def test_a_rotation_keeps_what_it_leaves_out_and_reaches_the_next_client(office):
    old = await office.desk.vendors.mapp(office.mapp)
    assert await office.desk.vendors.mapp(office.mapp) is old
    revision = await office.desk.vendors.revision(office.mapp)

    auth = await change(office, office.mapp, config={"secret": "fresh-secret"})

    assert await secrets_of(office, office.mapp) == {"secret": "fresh-secret"}
    assert (auth.config["integration_id"], auth.label, auth.status) == ("int-1", "Our Mapp", "unknown")
    assert await office.desk.vendors.revision(office.mapp) > revision
    assert await office.desk.vendors.mapp(office.mapp) is not old


async def test_limits_are_taken_beside_the_configuration_too(office):
    body = {"label": "New", "config": MAPP, "requests_per_second": 5, "max_in_flight": 8}
    auth = await service.create_authorization(office.desk, ANNA, read_auth_draft(body, kind="integration-secret"))
    assert await office.desk.vendors.limits(auth.id) == (5, 8)

    await change(office, auth.id, requests_per_second=None)
    assert await office.desk.vendors.limits(auth.id) == (None, 8)


async def test_a_limit_beside_the_configuration_is_checked_and_must_not_contradict_it(office):
    with pytest.raises(InvalidInput) as caught:
        await change(office, office.mapp, config={"max_in_flight": 8}, max_in_flight=9, requests_per_second=-1)
    assert {p.field for p in caught.value.problems} == {"max_in_flight", "config.requests_per_second"}
    with pytest.raises(InvalidInput):
        await change(office, office.lytics, max_in_flight=9)


async def test_limits_can_be_set_and_cleared_without_any_secret(office):
    assert await office.desk.vendors.limits(office.mapp) == (None, 64)

    await change(office, office.mapp, config={"requests_per_second": 5, "max_in_flight": 8})
    assert await office.desk.vendors.limits(office.mapp) == (5, 8)

    await change(office, office.mapp, config={"requests_per_second": None})
    assert await office.desk.vendors.limits(office.mapp) == (None, 8)


@pytest.mark.parametrize("address", ["https://elsewhere.example.net/charon", "https://mapp.example.net:8443/charon"])
async def test_a_kept_secret_never_follows_a_new_address(office, address):
    with pytest.raises(InvalidInput) as caught:
        await change(office, office.mapp, config={"api_url": address})
    assert [p.field for p in caught.value.problems] == ["config.secret"]

    auth = await change(office, office.mapp, config={"api_url": address, "secret": SECRET})
    assert auth.config["api_url"] == address


async def test_the_same_address_typed_differently_needs_no_secret(office):
    await change(office, office.mapp, config={"api_url": f"{MAPP_HOST}/charon/api/v1/"})

    assert await secrets_of(office, office.mapp) == {"secret": SECRET}


async def test_rest_credentials_can_be_added_but_a_provider_cannot_change(office):
    auth = await change(office, office.mapp, kind="userpass-secret", config=REST)
    assert auth.type == "userpass-secret"
    assert (await service.test_authorization(office.desk, ANNA, office.mapp)).is_healthy

    with pytest.raises(InvalidInput) as caught:
        await change(office, office.lytics, kind="integration-secret", config=MAPP)
    assert [p.field for p in caught.value.problems] == ["type"]


async def test_a_change_that_would_make_two_jobs_write_one_attribute_is_refused(office):
    other = await office.add_mapp(integration="int-2")
    await office.make_job("First")
    await office.make_job("Second", auth_ids=[other, office.lytics])

    with pytest.raises(Conflict):
        await change(office, other, config={"integration_id": "int-1"})
    assert (await service.show_authorization(office.desk, other)).config["integration_id"] == "int-2"


async def test_an_authorization_goes_when_no_live_job_uses_it(office):
    job = await office.make_job()
    for auth_id in (office.mapp, office.lytics):
        with pytest.raises(Conflict, match="'VIPs'"):
            await service.delete_authorization(office.desk, ANNA, auth_id)

    await kill_job(office.desk, ANNA, job.id)
    await service.delete_authorization(office.desk, ANNA, office.mapp)

    with pytest.raises(NotFound):
        await service.show_authorization(office.desk, office.mapp)
    with pytest.raises(NotFound):
        await service.delete_authorization(office.desk, ANNA, office.mapp)


async def test_a_test_of_mapp_makes_real_calls_and_says_what_it_found(office):
    report = await service.test_authorization(office.desk, ANNA, office.mapp)

    assert report.is_healthy
    assert report.groups == office.vendors.groups
    assert "Mapp lists 1 groups." in report.findings
    assert (await service.show_authorization(office.desk, office.mapp)).status == "healthy"


async def test_a_label_that_another_authorization_has_is_told(office):
    twin = await service.show_authorization(office.desk, await office.add_lytics())

    assert office.lytics in (await service.notes_about(office.desk, twin))[0]

    mapp = await service.show_authorization(office.desk, office.mapp)
    assert await service.notes_about(office.desk, mapp) == []


@pytest.mark.parametrize("typed", ["nonsense", "https://nonsense"])
async def test_a_word_is_no_vendor_s_address(office, typed):
    body = {"label": "L", "config": {"api_url": typed, "token": "x"}}

    with pytest.raises(InvalidInput, match="without a dot"):
        await service.create_authorization(office.desk, ANNA, read_auth_draft(body, kind="lytics-token"))


async def test_a_test_of_lytics_says_whether_identifiers_come_in_the_clear(office):
    report = await service.test_authorization(office.desk, ANNA, office.lytics)
    assert (report.is_healthy, report.audiences, report.fields, report.are_values_redacted) == (True, 2, 2, False)

    office.vendors.values = ["***", "***"]
    report = await service.test_authorization(office.desk, ANNA, office.lytics)
    assert (report.is_healthy, report.are_values_redacted) == (True, True)
    assert "PII View" in report.findings[0]
    assert "PII View" in (await service.show_authorization(office.desk, office.lytics)).status_note


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"segments": []}, "no audience with people"),
        ({"values": [None]}, "Nobody looked at has a value"),
        ({"refusing": {f"GET /api/segment/{VIP}/scan": 403}}, "may not read people"),
    ],
)
async def test_a_test_of_lytics_says_why_values_could_not_be_looked_at(office, change, word):
    for name, value in change.items():
        setattr(office.vendors, name, value)

    report = await service.test_authorization(office.desk, ANNA, office.lytics)

    assert (report.is_healthy, report.are_values_redacted) == (True, None)
    assert word in report.findings[-1]


@pytest.mark.parametrize("which", ["mapp", "lytics"])
async def test_refused_credentials_are_unhealthy_and_silence_says_nothing_about_them(office, which):
    auth_id = getattr(office, which)
    await service.test_authorization(office.desk, ANNA, auth_id)
    office.vendors.down = {MAPP_HOST, LYTICS_HOST}

    report = await service.test_authorization(office.desk, ANNA, auth_id)
    assert (report.is_healthy, report.is_reached) == (False, False)
    assert (await service.show_authorization(office.desk, auth_id)).status == "healthy"

    office.vendors.down, office.vendors.refusing = set(), {MAPP_HOST: 401, LYTICS_HOST: 401}
    report = await service.test_authorization(office.desk, ANNA, auth_id)
    auth = await service.show_authorization(office.desk, auth_id)
    assert (report.is_healthy, report.is_reached, auth.status) == (False, True, "unhealthy")
    assert auth.status_note == report.findings[-1]


async def test_a_secret_whose_key_is_lost_is_a_fault_of_its_authorization_alone(office):
    await office.write(lambda txn: change_authorization(txn, office.mapp, secrets="v1.000000000000.AAAA"))

    with pytest.raises(RemoteRefused, match="key"):
        await office.desk.vendors.mapp(office.mapp)
    assert not (await service.test_authorization(office.desk, ANNA, office.mapp)).is_healthy
    assert await office.desk.vendors.lytics(office.lytics)

    await change(office, office.mapp, config={"secret": SECRET})
    assert await office.desk.vendors.mapp(office.mapp)


async def test_a_client_is_of_the_right_vendor(office):
    with pytest.raises(NotFound):
        await office.desk.vendors.mapp(office.lytics)
    with pytest.raises(NotFound):
        await office.desk.vendors.lytics("nobody")


async def test_after_a_rotation_of_the_key_everything_opens_with_the_new_one_alone(office):
    await office.make_job()
    both, new = Vault(KeyRing((key_of(2), key_of(1)))), Vault(KeyRing((key_of(2),)))

    found = [await reseal_everything(office.desk.database, both, unreadable_place="unreadable") for _ in range(2)]
    assert found == [Resealed(3, 0), Resealed(0, 0)]  # two authorizations and a trigger token, once

    auth = await office.desk.database.read(lambda txn: authorization_by_id(txn, office.mapp))
    assert open_secrets(new, auth) == {"secret": SECRET}


async def test_what_is_done_to_authorizations_is_audited(office):
    await change(office, office.mapp, label="X", config={"secret": "fresh-secret"})
    await service.test_authorization(office.desk, ANNA, office.mapp)
    await service.delete_authorization(office.desk, ANNA, office.mapp)

    assert (await office.actions())[-3:] == ["auth.change", "auth.test", "auth.delete"]
    assert "fresh-secret" not in await office.everything_kept()
