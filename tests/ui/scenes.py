"""A house in which every page has something to show: jobs in every state, people set aside, removals that wait."""

import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from tests.ui.house import INTEGRATION, SECRET, House, until

EVERYBODY = {"withbackfill": True}


def furnish(house: House) -> dict[str, str]:
    """Bring the house into every state; return the ids that addresses need."""
    auth_ids = house.authorize()
    made = {"mapp": auth_ids[0], "lytics": auth_ids[1]}
    names = {"running": "VIP shoppers to Mapp", "held": "Lapsed shoppers", "aside": "Newsletter readers"}
    brake = {"exit_brake_people": 3, "exit_brake_percent": 1}
    configs: dict[str, dict[str, Any]] = {"running": {}, "held": brake}
    for key, config in configs.items():
        made[key] = house.create_job(names[key], auth_ids, mapp_attribute_name=key, **EVERYBODY, **config)
        house.until_quiet(made[key])
    _set_people_aside(house, made, auth_ids, names["aside"])
    _let_people_leave(house, made)
    for key, words in (("paused", "Birthday this month"), ("killed", "Old campaign")):
        made[key] = house.create_job(words, auth_ids, mapp_attribute_name=key)
        house.api("POST", f"/v2/job/{made[key]}/{'pause' if key == 'paused' else 'kill'}")
    made["completed"] = house.create_job(
        "Once, in autumn", auth_ids, mapp_attribute_name="completed", backfill_only=True, **EVERYBODY
    )
    until(lambda: house.api("GET", f"/v2/job/{made['completed']}")["status"] == "completed")
    _refuse_credentials(house, made)
    made |= _other_things(house, made)
    return {key: quote(value, safe=":/") for key, value in made.items()}


def _set_people_aside(house: House, made: dict[str, str], auth_ids: tuple[str, str], name: str) -> None:
    some = house.members(made["running"], "accepted")[:6]
    house.control("POST", "/faults", {"where": "mapp.event", "kind": "reject", "members": some})
    made["aside"] = house.create_job(name, auth_ids, mapp_attribute_name="aside", **EVERYBODY)
    until(lambda: len(house.members(made["aside"], "set_aside")) == len(some))
    house.control("DELETE", "/faults")
    made["person_aside"], made["person"] = some[0], house.members(made["running"], "accepted")[10]


def _let_people_leave(house: House, made: dict[str, str]) -> None:
    house.control("POST", "/audiences/vip_shoppers/exit", {"count": 12})
    until(lambda: house.progress(made["held"])["members"]["held"])


def _refuse_credentials(house: House, made: dict[str, str]) -> None:
    config = {"api_url": f"{house.sandbox}/mapp", "integration_id": INTEGRATION, "secret": SECRET}
    other = house.api("POST", "/v2/auth/integration-secret", {"label": "Mapp, old account", "config": config})["id"]
    made["refused"] = other
    made["faulted"] = house.create_job("Loyalty tier", (other, made["lytics"]), mapp_attribute_name="faulted")
    house.api("PUT", f"/v2/auth/integration-secret/{other}", {"config": {"secret": "an old secret"}})
    house.control("POST", "/audiences/vip_shoppers/enter", {"count": 2})
    until(lambda: house.api("GET", f"/v2/job/{made['faulted']}")["status"] == "fault")


def _other_things(house: House, made: Mapping[str, str]) -> dict[str, str]:
    ana = house.api("POST", "/v2/person", {"name": "ana@example.org", "role": "operator"})
    token = house.api("POST", "/v2/token", {"name": "nightly report", "role": "viewer", "expires_days": 7})
    header = house.api("GET", f"/v2/auth/{made['lytics']}/trigger-endpoint")["header"].partition(": ")[2]
    asked = urllib.request.Request(
        f"{house.url}/triggers/{made['lytics']}", b'{"no": "audience"}', {"Authorization": header}
    )
    urllib.request.urlopen(asked, timeout=10).close()
    message = house.api("GET", "/v2/unreadable")[0]
    hook = {"name": "Pager", "type": "webhook", "config": {"url": f"{house.sandbox}/nothing"}}
    channel = house.api("POST", "/v2/alert-channel", hook)
    house.api("POST", f"/v2/alert-channel/{channel['id']}/test")
    until(lambda: house.api("GET", "/v2/alert")["open"])
    return {"message": str(message["id"]), "token": token["id"], "link": ana["link"], "channel": channel["id"]}
