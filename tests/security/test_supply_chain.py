"""What is installed is what was looked at, and nothing secret is in the repository."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import ROOT
from tools import audit
from tools.measuring import Measured
from tools.sbom import pins_in

SETS = ("build", "runtime", "dev")
SKIPPED = {".git", ".venv", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", "node_modules"}
LONGEST_FILE = 2_000_000

# What looks like a secret of somebody's; each pattern is proven below by something that it must find.
SECRETS = {
    "a private key": re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----\s+[A-Za-z0-9+/]{40}"),
    "a cloud's access key": re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    "a token of a code host": re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_\w{60,}|glpat-[\w-]{20})"),
    "a token of a chat": re.compile(r"\bxox[abeprs]-\d{8,}-[\w-]{10,}"),
    "a hook of a chat": re.compile(r"hooks\.slack\.com/services/T[A-Z0-9]{8,}/B[A-Z0-9]{8,}/\w{24}"),
    "a package registry's token": re.compile(r"\bpypi-AgE[\w-]{50,}|\bnpm_[A-Za-z0-9]{36}\b"),
    "a payment's key": re.compile(r"\b[sr]k_live_[0-9A-Za-z]{24,}"),
    "a search engine's key": re.compile(r"\bAIza[0-9A-Za-z_-]{35}\b"),
    "a sealed secret": re.compile(r"\bv1\.[0-9a-f]{12}\.[A-Za-z0-9_-]{60,}"),
    "a password in a URL": re.compile(
        r"\b(?:postgres(?:ql)?|https?|amqp)://[\w.-]+:[^\s@/{}<>\"'$*]{12,}@[\w-]+\.[a-z]"
    ),
}
EXAMPLES = {
    "a private key": "-----BEGIN RSA " + "PRIVATE KEY-----\n" + "A" * 64,
    "a cloud's access key": "AKIA" + "ABCDEFGHIJKLMNOP",
    "a token of a code host": "ghp_" + "a1" * 18,
    "a token of a chat": "xoxb-" + "123456789012-abcdefghijkl",
    "a hook of a chat": "hooks.slack.com/services/" + "T00000000/B00000000/" + "x" * 24,
    "a package registry's token": "pypi-" + "AgE" + "x" * 60,
    "a payment's key": "sk_live_" + "a" * 24,
    "a search engine's key": "AIza" + "b" * 35,
    "a sealed secret": "v1." + "0" * 12 + "." + "A" * 64,
    "a password in a URL": "postgresql://usher:" + "correct-horse-battery" + "@db.example.com/usher",
}
# Made for tests alone; each opens nothing anywhere.
KNOWN = {"tests/foundations/test_vault.py": {"a sealed secret"}}


def files() -> list[Path]:
    """Every file of the repository that holds text."""
    found = [Path(folder) / name for folder, names in walked() for name in names]
    return [file for file in found if file.stat().st_size <= LONGEST_FILE and b"\x00" not in file.read_bytes()[:8_000]]


def walked() -> list[tuple[str, list[str]]]:
    kept = []
    for folder, below, names in os.walk(ROOT):
        below[:] = [name for name in below if name not in SKIPPED and not name.startswith(".usher")]
        kept.append((folder, names))
    return kept


def test_no_file_holds_anybodys_secret(measured: Measured) -> None:
    looked_at = files()
    found = [
        (str(file.relative_to(ROOT)), kind)
        for file in looked_at
        for kind, pattern in SECRETS.items()
        if pattern.search(file.read_text(encoding="utf-8", errors="replace"))
    ]
    assert [(name, kind) for name, kind in found if kind not in KNOWN.get(name, ())] == []
    assert len(looked_at) > 500
    measured("security.files_scanned", len(looked_at))


@pytest.mark.parametrize("kind", SECRETS)
def test_a_seeded_secret_would_be_found(kind: str) -> None:
    assert SECRETS[kind].search(f"token = '{EXAMPLES[kind]}'")


@pytest.mark.parametrize("name", SETS)
def test_every_requirement_is_pinned_with_hashes_and_no_line_names_an_index(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.txt").read_text()
    required = re.findall(r"^[a-z0-9][\w.\[\]-]*\s*(?:==|@|>|<|~|;|$)", text, re.MULTILINE)
    pins = pins_in(text)
    assert len(pins) == len(required) > 0
    assert all(pin.hashes for pin in pins)
    assert not re.search(
        r"^\s*(?:-i|--index|--extra-index|--find-links|-f|--trusted-host|--no-index)", text, re.MULTILINE
    )
    assert "://" not in re.sub(r"#.*", "", text)


def test_a_requirement_without_a_hash_would_be_found() -> None:
    with pytest.raises(ValueError, match=r"."):
        pins_in("seeded==1.0\n    # via -r requirements/runtime.in\n")


def test_every_installation_of_the_makefile_demands_hashes() -> None:
    lines = [line for line in (ROOT / "Makefile").read_text().splitlines() if "pip install" in line]
    from_lists = [line for line in lines if " -r " in line]
    assert len(from_lists) >= 3
    assert [line for line in from_lists if "--require-hashes" not in line] == []
    assert [line for line in lines if " -r " not in line and "--no-deps" not in line] == []


def test_the_image_installs_with_hashes_alone() -> None:
    text = (ROOT / "deploy" / "Containerfile").read_text()
    installed = [line for line in text.replace("\\\n", " ").splitlines() if '"pip", "install"' in line]
    assert len(installed) >= 3
    assert all('"--require-hashes"' in line or '"--no-index"' in line for line in installed)


def test_the_audit_asks_about_every_pin_and_fails_on_a_find() -> None:
    command = audit.command_for(ROOT / "requirements" / "runtime.txt")
    assert command[:3] == ["pip-audit", "--strict", "--disable-pip"]
    assert {"--require-hashes", "--requirement"} <= set(command)


def test_where_nothing_could_be_asked_the_audit_says_so_and_fails(capsys: pytest.CaptureFixture[str]) -> None:
    def missing(command: list[str]) -> int:
        raise FileNotFoundError(command[0])

    assert audit.main(run=missing) == 2
    assert "pip-audit" in capsys.readouterr().err
    assert audit.main(run=lambda command: 1) == 1
    assert audit.main(run=lambda command: 0) == 0


def test_the_audit_asks_about_each_list_even_when_one_fails() -> None:
    asked: list[list[str]] = []

    def run(command: list[str]) -> int:
        asked.append(command)
        return len(asked) % 2

    assert audit.main(run=run) == 1
    assert [Path(command[-1]).stem for command in asked] == list(audit.SETS)


def test_pip_audit_has_the_options_that_are_used() -> None:
    """Where it is installed at all: it is no dependency, and nothing else needs it."""
    program = Path(sys.executable).parent / "pip-audit"
    if not program.exists():
        pytest.skip("pip-audit is not installed; see docs/security.md")
    shown = subprocess.run([program, "--help"], capture_output=True, text=True, timeout=30, check=True).stdout
    options = [word for word in audit.command_for(Path("x.txt")) if word.startswith("--")]
    assert [option for option in options if option not in shown] == []
