"""The bill of materials names everything that a release installs or carries, and nothing else."""

import json
import re
import uuid
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, text_of
from tools.sbom import PINS, VENDORED, bill_of_materials, main, pins_in

AT = datetime(2026, 11, 23, 12, 0, 5, tzinfo=UTC)
NEEDED = {"type", "name", "version", "purl", "bom-ref"}
PINNED = """\
one[extra]==1.0 ; sys_platform == 'win32' \\
    --hash=sha256:{a} \\
    --hash=sha256:{b}
    # via
    #   -r requirements/runtime.in
    #   two
two==2.0 \\
    --hash=sha256:{a}
    # via -r requirements/runtime.in
""".format(a="a" * 64, b="b" * 64)


@pytest.fixture(scope="module")
def bill():
    return bill_of_materials(pins_in(text_of(PINS)), vendored=text_of(VENDORED), version="1.2.3", at=AT)


def test_the_bill_has_what_cyclonedx_needs(bill) -> None:
    assert (bill["bomFormat"], bill["specVersion"], bill["version"]) == ("CycloneDX", "1.6", 1)
    assert uuid.UUID(bill["serialNumber"].removeprefix("urn:uuid:")).version == 5
    assert bill["metadata"]["timestamp"] == "2026-11-23T12:00:05Z"
    for component in [*bill["components"], bill["metadata"]["component"]]:
        assert component.keys() >= NEEDED
        assert re.fullmatch(r"pkg:(pypi|npm)/[\w.%/-]+@[\w.]+", component["purl"])
        assert len(component.get("licenses", [{}])) == 1


def test_everything_that_is_pinned_or_carried_is_named_with_every_hash(bill) -> None:
    named = {component["name"] for component in bill["components"]}
    pinned = set(re.findall(r"^([a-z0-9._-]+)(?:\[.*?\])?==", text_of(PINS), re.MULTILINE))
    carried = {path.name for path in VENDORED.parent.iterdir() if path.is_dir()}
    hashes = [
        each["content"]
        for component in bill["components"]
        for at in component["externalReferences"]
        for each in at.get("hashes", [])
    ]

    assert named >= pinned
    assert all(any(name in one for one in named - pinned) for name in carried)
    assert sorted(hashes) == sorted(re.findall(r"sha256:([0-9a-f]{64})", text_of(PINS)))


def test_every_part_has_its_place_in_the_tree(bill) -> None:
    refs = {component["bom-ref"] for component in bill["components"] if component["purl"].startswith("pkg:pypi")}
    depends = {one["ref"]: one["dependsOn"] for one in bill["dependencies"]}
    direct = {re.split(r"[\[@]", ref.removeprefix("pkg:pypi/"))[0] for ref in depends["usher"]}

    assert set(depends) == {*refs, "usher"}
    assert {ref for needs in depends.values() for ref in needs} == refs
    assert direct == {line.split("[")[0] for line in text_of(ROOT / "requirements" / "runtime.in").split()}


def test_a_pin_is_read_with_its_marker_its_hashes_and_who_asks_for_it() -> None:
    one, two = pins_in(PINNED)

    assert (one.name, one.version, one.marker) == ("one", "1.0", "sys_platform == 'win32'")
    assert one.hashes == ("a" * 64, "b" * 64)
    assert one.via == ("-r requirements/runtime.in", "two")
    assert (two.marker, two.via) == ("", ("-r requirements/runtime.in",))


@pytest.mark.parametrize("text", ["loose>=1.0\n", "bare==1.0 \\\n    # via x\n"], ids=["no version", "no hash"])
def test_what_is_not_pinned_is_no_part_of_a_release(text: str) -> None:
    with pytest.raises(ValueError, match="make pins"):
        pins_in(text)


def test_the_same_release_gives_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    files = [tmp_path / "first.json", tmp_path / "second.json"]
    assert [main([str(file)]) for file in files] == [0, 0]
    assert files[0].read_bytes() == files[1].read_bytes()
    assert json.loads(files[0].read_text())["metadata"]["timestamp"] == "2023-11-14T22:13:20Z"


def test_another_release_has_another_serial_number(bill) -> None:
    other = bill_of_materials(pins_in(PINNED), vendored="", version="1.2.3", at=AT)
    assert other["serialNumber"] != bill["serialNumber"]


def test_one_file_must_be_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert "Usage" in capsys.readouterr().err
