"""
What a release is made of, as a CycloneDX 1.6 bill of materials: `python -m tools.sbom FILE`.

Written from the pins, so that it names what `pip --require-hashes` installs; the same release gives the same bytes.
"""

import re
import sys
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from json import dumps
from os import environ
from pathlib import Path
from typing import Any

from usher import __version__

ROOT = Path(__file__).parent.parent
PINS = ROOT / "requirements" / "runtime.txt"
VENDORED = ROOT / "src" / "usher" / "web" / "dashboard" / "static" / "vendor" / "VERSIONS"
DIRECT = "-r requirements/runtime.in"
PIN = re.compile(r"^([a-z0-9._-]+)(?:\[[^\]]*\])?==(\S+?)(?: ; (.+?))? \\$")
HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
VIA = re.compile(r"^    # (?:via |  )(-r \S+|[a-z0-9][a-z0-9._-]*)(?:\[[^\]]*\])?$")
CARRIED = re.compile(r"^(\S+) (\S+) \(([\w.-]+)\), (https://[^\s;]+)", re.MULTILINE)
NAMES = uuid.uuid5(uuid.NAMESPACE_URL, "urn:usher:bill-of-materials")


@dataclass(frozen=True, slots=True)
class Pin:
    """
    One pinned package.

    Args:
        marker: where it is installed at all; blank is everywhere.
        hashes: SHA-256 of each file that may be installed.
        via: what asks for it, by name; DIRECT is Usher itself.
    """

    name: str
    version: str
    marker: str
    hashes: tuple[str, ...]
    via: tuple[str, ...]

    @property
    def purl(self) -> str:
        return f"pkg:pypi/{self.name}@{self.version}"


def pins_in(text: str) -> list[Pin]:
    """
    Return every pin of a requirements file.

    Raises:
        ValueError: a requirement has no version or no hash; pin it with `make pins`.
    """
    pins = [_pin(part) for part in re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE) if part.strip()]
    if bare := [pin.name for pin in pins if not pin.hashes]:
        raise ValueError(f"{', '.join(bare)}: no hash. Run `make pins`.")
    return pins


def bill_of_materials(pins: Sequence[Pin], *, vendored: str, version: str, at: datetime) -> dict[str, Any]:
    """
    Return the bill for Usher *version*.

    Args:
        vendored: what is carried along, as the VERSIONS file beside it says.
        at: when the release was made.
    """
    usher = {
        "type": "application",
        "bom-ref": "usher",
        "name": "usher",
        "version": version,
        "licenses": [{"license": {"id": "Apache-2.0"}}],
        "purl": f"pkg:pypi/usher@{version}",
    }
    components = [_component(pin) for pin in pins] + [_carried(found) for found in CARRIED.finditer(vendored)]
    serial = uuid.uuid5(NAMES, dumps([usher, components], sort_keys=True))
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{serial}",
        "version": 1,
        "metadata": {"timestamp": at.strftime("%Y-%m-%dT%H:%M:%SZ"), "component": usher},
        "components": components,
        "dependencies": _dependencies(pins),
    }


def main(arguments: Sequence[str]) -> int:
    """Write the bill to the one file that is named; return the exit code."""
    if len(arguments) != 1:
        sys.stderr.write("Usage: python -m tools.sbom FILE\n")
        return 2
    at = datetime.fromtimestamp(int(environ.get("SOURCE_DATE_EPOCH", "0")), UTC)
    pins, vendored = pins_in(PINS.read_text(encoding="utf-8")), VENDORED.read_text(encoding="utf-8")
    bill = bill_of_materials(pins, vendored=vendored, version=__version__, at=at)
    Path(arguments[0]).write_text(dumps(bill, indent=2) + "\n", encoding="utf-8")
    return 0


def _pin(part: str) -> Pin:
    first, *more = part.splitlines()
    if (found := PIN.match(first)) is None:
        raise ValueError(f"{first}: no pin. Run `make pins`.")
    name, version, marker = found.groups()
    via = tuple(asked[1] for line in more if (asked := VIA.match(line)))
    return Pin(name, version, marker or "", tuple(HASH.findall(part)), via)


def _component(pin: Pin) -> dict[str, Any]:
    hashes = [{"alg": "SHA-256", "content": each} for each in pin.hashes]
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": pin.purl,
        "name": pin.name,
        "version": pin.version,
        "purl": pin.purl,
        # Each hash is of another file of the same version, so they are not the component's own.
        "externalReferences": [{"type": "distribution", "url": pin.purl, "hashes": hashes}],
    }
    if licence := _licence(pin.name):
        component["licenses"] = [licence]
    if pin.marker:
        component["properties"] = [{"name": "usher:marker", "value": pin.marker}]
    return component


def _licence(name: str) -> dict[str, Any] | None:
    """What the installed package says of its licence; None where it says nothing, or is not installed here."""
    try:
        told: dict[str, Any] = metadata.metadata(name).json
    except metadata.PackageNotFoundError:
        return None
    if expression := told.get("license_expression"):
        return {"expression": expression}
    classified = [line.rpartition(" :: ")[2] for line in told.get("classifier", []) if line.startswith("License ::")]
    named = classified[0] if classified else str(told.get("license", "")).strip()
    return {"license": {"name": named}} if named and "\n" not in named else None


def _carried(found: re.Match[str]) -> dict[str, Any]:
    name, version, licence, url = found.groups()
    purl = f"pkg:npm/{name.replace('@', '%40')}@{version}"
    return {
        "type": "library",
        "bom-ref": purl,
        "name": name,
        "version": version,
        "purl": purl,
        "licenses": [{"license": {"id": licence}}],
        "externalReferences": [{"type": "vcs", "url": url}],
    }


def _dependencies(pins: Sequence[Pin]) -> list[dict[str, Any]]:
    by_name = {pin.name: pin.purl for pin in pins}
    asked: dict[str, list[str]] = {"usher": [], **{pin.purl: [] for pin in pins}}
    for pin in pins:
        for who in pin.via:
            asked["usher" if who == DIRECT else by_name[who]].append(pin.purl)
    return [{"ref": ref, "dependsOn": sorted(needs)} for ref, needs in asked.items()]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
