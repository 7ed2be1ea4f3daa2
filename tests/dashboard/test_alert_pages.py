"""The pages of alerts, as a browser without script sees them."""

from tests.dashboard.visiting import House
from usher.access.roles import Role
from usher.jobs.alert_watch import look
from usher.store.authorizations import note_health

PAGE = "/settings/alerts"
HOSTILE = "<script>alert(1)</script>"
MAIL = {
    "name": "Ops",
    "level": "critical",
    "host": "smtp.example.com",
    "port": "587",
    "security": "starttls",
    "user": "usher",
    "password": "mail-password-5",
    "from": "usher@example.com",
    "to": "ops@example.com, night@example.com",
}


async def test_with_nothing_set_up_the_page_says_what_to_do(bare_house: House) -> None:
    page = await (await bare_house.visitor()).get(PAGE)
    assert "Nothing is wrong" in page.words
    assert "Nobody is told yet" in page.words
    assert f'href="{PAGE}/new/email"' in page.text


async def test_an_open_alert_is_shown_to_everybody_and_counted_beside(house: House) -> None:
    desk = house.running.deps.desk
    lytics = house.running.made["lytics"]
    await desk.database.write(lambda txn: note_health(txn, lytics, is_healthy=False, note="refused"))
    await look(desk)
    page = await (await house.visitor(Role.VIEWER)).get(PAGE)
    assert "Lytics refuses the authorization “lytics”" in page.words
    assert "Critical" in page.words
    assert "Alerts 1 open" in page.words
    assert "Who is told" not in page.words
    await desk.database.write(lambda txn: note_health(txn, lytics, is_healthy=True))
    await look(desk)
    assert "Alerts 1 open" in (await (await house.visitor()).get(PAGE)).words


async def test_a_mail_channel_is_saved_and_its_password_never_comes_back(bare_house: House) -> None:
    admin = await bare_house.visitor()
    page = await admin.act(f"{PAGE}/new/email", MAIL)
    assert "Ops is saved" in page.words
    assert "critical only" in page.words
    assert "never sent to" in page.words
    (channel,) = (await bare_house.running.ask("GET", "/v2/alert-channel")).data
    form = await admin.get(f"{PAGE}/{channel['id']}")
    assert 'value="smtp.example.com"' in form.text
    assert 'value="ops@example.com, night@example.com"' in form.text
    assert MAIL["password"] not in page.text + form.text
    changed = await admin.act(f"{PAGE}/{channel['id']}", MAIL | {"name": "Night", "password": ""})
    assert "Night is saved" in changed.words


async def test_what_is_wrong_with_a_form_stands_at_its_field_and_what_was_typed_stays(bare_house: House) -> None:
    admin = await bare_house.visitor()
    page = await admin.post(f"{PAGE}/new/email", MAIL | {"host": HOSTILE, "port": "many", "to": ""})
    assert page.status == 400
    assert "3 things to put right" in page.words
    assert "The port is not a port for mail." in page.words
    assert HOSTILE not in page.text
    assert "night" not in page.words
    assert 'value="usher@example.com"' in page.text


async def test_a_made_secret_is_shown_once(bare_house: House) -> None:
    admin = await bare_house.visitor()
    url = f"{bare_house.running.sandbox_url}/nothing"
    page = await admin.post(f"{PAGE}/new/webhook", {"name": "Hook", "level": "info", "url": url, "secret": ""})
    assert page.status == 200
    assert "whsec_" in page.text
    assert "whsec_" not in (await admin.get(PAGE)).text


async def test_a_test_says_its_result_in_our_words_alone(bare_house: House) -> None:
    running = bare_house.running
    body = {"name": HOSTILE, "type": "webhook", "config": {"url": f"{running.sandbox_url}/nothing"}}
    channel = (await running.ask("POST", "/v2/alert-channel", body)).data["id"]
    page = await (await bare_house.visitor()).post(f"{PAGE}/{channel}/test")
    assert f"The test did not reach {HOSTILE}" in page.words
    assert "The receiver answered 404: nothing is at that address." in page.words
    assert HOSTILE not in page.text


async def test_deleting_asks_first(bare_house: House) -> None:
    admin = await bare_house.visitor()
    await admin.act(f"{PAGE}/new/email", MAIL)
    (channel,) = (await bare_house.running.ask("GET", "/v2/alert-channel")).data
    assert "Delete Ops?" in (await admin.get(f"{PAGE}/{channel['id']}/delete")).words
    assert "Ops is deleted" in (await admin.act(f"{PAGE}/{channel['id']}/delete")).words
