"""What is built is what runs: the wheel, in an environment that knows nothing of the checkout."""

import os
import re
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path
from urllib.request import urlopen

import pytest

from tests.docs.pages import ROOT, text_of
from usher import __version__

PACKAGE = ROOT / "src" / "usher"
pytestmark = pytest.mark.process


def ours() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("USHER_", "PYTHON"))}


def body_of(url: str) -> bytes:
    with urlopen(url, timeout=10) as answer:
        assert answer.status == 200
        return bytes(answer.read())


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, env=ours(), capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", folder, cwd=ROOT)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel installed, and the libraries lent; `make wheel-check` installs those too."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python)
    run(*pip, "install", "--quiet", "--no-deps", "--no-index", wheel, cwd=folder)
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "lent.pth").write_text(sysconfig.get_path("purelib"))
    return folder


def test_everything_that_the_package_has_is_in_the_wheel(wheel: Path) -> None:
    kept = (path for path in PACKAGE.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    wanted = {f"usher/{path.relative_to(PACKAGE).as_posix()}" for path in kept}

    assert wanted - set(zipfile.ZipFile(wheel).namelist()) == set()
    assert {Path(name).suffix for name in wanted} >= {".py", ".html", ".css", ".js", ".mako", ".woff2"}


def test_the_wheel_asks_for_what_is_pinned(wheel: Path) -> None:
    (told,) = [name for name in zipfile.ZipFile(wheel).namelist() if name.endswith(".dist-info/METADATA")]
    asked = re.findall(r"^Requires-Dist: (\S+)$", zipfile.ZipFile(wheel).read(told).decode(), re.MULTILINE)

    assert sorted(asked) == sorted(text_of(ROOT / "requirements" / "runtime.in").split())


def test_the_wheel_runs_without_the_checkout(environment: Path, tmp_path: Path) -> None:
    where = run(environment / "bin" / "python", "-c", "import usher; print(usher.__file__)", cwd=tmp_path)
    assert where.startswith(str(environment))
    assert run(environment / "bin" / "usher", "--version", cwd=tmp_path) == f"usher {__version__}\n"


def test_the_wheel_serves_pages_without_the_checkout(environment: Path, tmp_path: Path) -> None:
    command = [environment / "bin" / "usher", "serve", "--port", "0"]
    with subprocess.Popen(command, cwd=tmp_path, env=ours(), stdout=subprocess.PIPE, text=True) as serving:
        try:
            url = serving.stdout.readline().split()[-1] if serving.stdout else ""
            assert b"Sign in" in body_of(f"{url}/sign-in")
            assert b"htmx" in body_of(
                url + re.findall(r'src="([^"]*htmx[^"]*)"', body_of(f"{url}/sign-in").decode())[0]
            )
        finally:
            serving.terminate()
            serving.wait(timeout=30)
    assert serving.returncode == 0


def test_one_version_is_named_everywhere() -> None:
    named = re.search(r'^version = "(.+)"$', text_of(ROOT / "pyproject.toml"), re.MULTILINE)
    newest = re.search(r"^## (\S+)", text_of(ROOT / "CHANGELOG.md"), re.MULTILINE)

    assert named is not None
    assert newest is not None
    assert {named[1], newest[1]} == {__version__}
