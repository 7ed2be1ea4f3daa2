"""What a test compares the pages with: the pretend vendors, asked past the service."""

from tests.ui.house import GROUP, House


def held(house: House, attribute: str) -> dict[str, str]:
    """What Mapp holds, by person."""
    found: dict[str, str] = house.control("GET", f"/mapp/attributes?group={GROUP}&attribute={attribute}")
    return found


def inside(house: House, audience: str = "vip_shoppers") -> set[str]:
    """Who is in an audience of Lytics'."""
    return set(house.control("GET", f"/audiences/{audience}/members")["members"])


def map_attributes(house: House, *names: str) -> None:
    """Map attributes in Mapp Connect; without that Mapp takes every request and drops its value."""
    house.control("POST", "/mapp/mapping", {"mapping": {name: f"{GROUP}:{name}" for name in names}})
