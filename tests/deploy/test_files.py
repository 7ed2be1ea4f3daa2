"""Whatever the files under deploy/ name exists: commands, options, variables, files, hosts of each other."""

import configparser
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.naming import DEPLOY, FILES, UNITS, commands_in
from tests.docs.pages import ROOT, name_of, text_of
from tests.docs.test_docs_truth import check_command
from usher.settings import PREFIX, Settings
from usher.web.receiver import MOST_BYTES

VARIABLES = {PREFIX + name.upper() for name in Settings.model_fields}
COMPOSE = DEPLOY / "compose.yaml"
CONTAINERFILE = DEPLOY / "Containerfile"
CADDYFILE, NGINX = DEPLOY / "proxy" / "Caddyfile", DEPLOY / "proxy" / "nginx.conf"
SAFE = ("NoNewPrivileges=yes", "ProtectSystem=strict", "KillMode=mixed", "TimeoutStopSec=30", "StateDirectoryMode=0700")
STOPPED_WITHIN_SECONDS = 20
MIB = 1024 * 1024
EVERY_FILE = pytest.mark.parametrize("path", FILES, ids=name_of)


def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(text_of(COMPOSE))
    return found


@EVERY_FILE
def test_every_variable_is_a_setting(path: Path) -> None:
    assert set(re.findall(r"\bUSHER_[A-Z][A-Z_]*[A-Z]\b", text_of(path))) <= VARIABLES


@EVERY_FILE
def test_every_command_exists_with_its_options(path: Path) -> None:
    for words in commands_in(path):
        check_command(words, is_whole=True)


def test_a_command_is_looked_for_wherever_one_stands() -> None:
    started = {path.name: [words[0] for words in commands_in(path)] for path in FILES}

    assert started["usher.service"] == ["serve"]
    assert started["usher-worker@.service"] == ["worker"]
    assert started["compose.yaml"] == ["serve", "serve", "worker"]
    assert started["Containerfile"] == ["serve"]
    assert started["prometheus.yaml"] == ["token"]


@EVERY_FILE
def test_every_page_that_a_file_points_to_is_there(path: Path) -> None:
    for named in re.findall(r"docs/[\w/.-]+\.md", text_of(path)):
        assert (ROOT / named).is_file(), named


@EVERY_FILE
def test_no_file_holds_a_secret(path: Path) -> None:
    assert not re.search(r"postgres(?:ql)?://\w+:\w", text_of(path))
    assert not re.search(r"(?i)(?:password|secret|token)\w*\s*[:=][ \t]*['\"]?[A-Za-z0-9+][\w+/-]{15,}", text_of(path))


def test_every_service_of_ours_runs_with_as_little_as_it_needs() -> None:
    services = compose()["services"]
    for name in ("serve", "worker"):
        one = services[name]
        assert (one["read_only"], one["cap_drop"], one["security_opt"]) == (True, ["ALL"], ["no-new-privileges:true"])
        assert int(one["stop_grace_period"].removesuffix("s")) > STOPPED_WITHIN_SECONDS
        assert one["depends_on"]
        assert "/tmp" in one["tmpfs"]
    assert "healthcheck" in services["postgres"]
    assert "healthcheck" in services["worker"]  # `serve` has the image's own


def test_what_services_use_is_declared() -> None:
    found = compose()
    for one in found["services"].values():
        assert set(one.get("secrets", [])) <= set(found["secrets"])
        assert set(one.get("networks", [])) <= set(found["networks"])
        assert set(one.get("depends_on", [])) <= set(found["services"])
        volumes = {mounted.split(":")[0] for mounted in one.get("volumes", [])}
        assert {name for name in volumes if not name.startswith(".")} <= set(found["volumes"])
    assert found["networks"]["database"] == {"internal": True}


def test_the_database_can_be_reached_by_nobody_else() -> None:
    postgres = compose()["services"]["postgres"]
    assert (postgres["networks"], postgres.get("ports")) == (["database"], None)


def test_every_process_is_told_what_the_page_says_all_need_alike() -> None:
    page = text_of(ROOT / "docs" / "how-to" / "several-workers.md")
    needed = re.findall(r"USHER_[A-Z_]+", page.partition("## What every process needs")[2].partition("`USHER_SEND")[0])
    served, works = (compose()["services"][name]["environment"] for name in ("serve", "worker"))

    assert works.items() <= served.items()
    assert {name.removesuffix("_FILE") for name in works} == {name.removesuffix("_FILE") for name in needed}


def test_the_databases_own_log_is_kept_as_the_page_says() -> None:
    page = text_of(ROOT / "docs" / "how-to" / "several-workers.md")
    said = re.findall(r"^(log_\w+) = (\w+)$", page, re.MULTILINE)

    assert said
    assert compose()["services"]["postgres"]["command"] == [
        "postgres", *(part for name, value in said for part in ("-c", f"{name}={value}")),
    ]  # fmt: skip


def test_the_trusted_proxy_is_the_network_that_caddy_is_in() -> None:
    found = compose()
    (subnet,) = [one["subnet"] for one in found["networks"]["front"]["ipam"]["config"]]

    assert subnet in found["services"]["serve"]["environment"]["USHER_TRUSTED_PROXIES"].split(",")
    assert found["services"]["caddy"]["environment"]["UPSTREAM"] in found["services"]


def test_the_image_needs_no_root_and_no_shell() -> None:
    text = text_of(CONTAINERFILE).replace("\\\n", " ")
    final = text.rpartition("\nFROM ")[2]

    assert re.search(r"^USER (\d+)$", final, re.MULTILINE)
    assert re.findall(r"^(?:RUN|CMD|ENTRYPOINT) (?!\[)", text, re.MULTILINE) == []
    assert text.count("--require-hashes") == text.count('"--requirement"') == 2
    assert "HEALTHCHECK" in final


def test_the_image_is_made_from_files_that_are_there_and_let_in() -> None:
    let_in = [line[1:] for line in text_of(DEPLOY / "Containerfile.dockerignore").splitlines() if line.startswith("!")]
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", text_of(CONTAINERFILE), re.MULTILINE)
    sources = [source for line in copied for source in line.split()]

    assert sources
    for source in sources:
        assert (ROOT / source).exists(), source
        assert Path(source).parts[0] in let_in


@pytest.mark.parametrize("path", UNITS, ids=name_of)
def test_every_unit_is_closed_up_and_has_time_to_end(path: Path) -> None:
    unit = configparser.ConfigParser(strict=False, interpolation=None, comment_prefixes=("#",))
    unit.read_string(text_of(path))

    assert set(unit.sections()) == {"Unit", "Service", "Install"}
    for line in SAFE:
        assert line in text_of(path).splitlines()
    assert "LoadCredential=secret-key:/etc/usher/secret-key" in text_of(path)
    assert not {"shell", "sh", "bash"} & set(unit["Service"]["ExecStart"].split())


def test_units_differ_only_in_what_they_run() -> None:
    serve, worker = ({line for line in text_of(path).splitlines() if "=" in line} for path in reversed(UNITS))
    about = ("Description", "After", "ExecStart", "Environment", "LoadCredential", "StateDirectory")

    assert {line.split("=")[0] for line in serve ^ worker} == set(about)


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
def test_systemd_itself_takes_the_units(tmp_path: Path) -> None:
    for path in UNITS:
        (tmp_path / path.name.replace("@.", "@01.")).write_text(
            text_of(path).replace("/opt/usher/bin/usher", "/bin/true").replace("%i", "01")
        )
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *sorted(tmp_path.glob("*.service"))],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


def test_proxies_let_only_receivers_out_and_count_nothing_for_usher() -> None:
    public = text_of(NGINX).split("\nserver {")[2]
    caddy = text_of(CADDYFILE).split("\n}\n")[0]

    assert re.findall(r"location (?:= )?(\S+)", public) == ["/", "/triggers/", "/feedback/", "/healthz"]
    assert "path /triggers/* /feedback/* /healthz" in caddy
    for text, size in ((public, r"client_max_body_size (\d+)m;"), (caddy, r"max_size (\d+)MiB")):
        (most,) = re.findall(size, text)
        assert int(most) * MIB > MOST_BYTES  # so that Usher refuses what is too large, and counts it
    assert "8080" not in caddy


def test_the_log_of_a_proxy_keeps_no_address_of_a_page() -> None:
    assert "access_log off;" in text_of(NGINX).split("\nserver {")[3]
    assert not re.search(r"^\s*log\b", text_of(CADDYFILE), re.MULTILINE)


@pytest.mark.skipif(not shutil.which("caddy"), reason="caddy is not installed; see docs/how-to/reverse-proxy.md")
def test_caddy_itself_takes_its_file() -> None:
    command = ["caddy", "validate", "--adapter", "caddyfile", "--config", str(CADDYFILE)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(
    not (shutil.which("nginx") and shutil.which("openssl")),
    reason="nginx is not installed; see docs/how-to/reverse-proxy.md",
)
def test_nginx_itself_takes_its_file(tmp_path: Path) -> None:
    made = ("-subj", "/CN=usher.example.com", "-keyout", tmp_path / "key", "-out", tmp_path / "pem")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", *made]
    subprocess.run(command, capture_output=True, timeout=30, check=True)
    text = re.sub(r"/etc/nginx/tls/[\w.]+\.(key|pem)", rf"{tmp_path}/\1", text_of(NGINX))
    (tmp_path / "usher.conf").write_text(text)
    (tmp_path / "main.conf").write_text(f"pid {tmp_path}/pid; events {{}} http {{ include {tmp_path}/usher.conf; }}")
    command = ["nginx", "-t", "-e", "stderr", "-c", str(tmp_path / "main.conf")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
