"""The commands, from Typer's own tree of them."""

from collections.abc import Iterator
from typing import Any

from typer.main import get_command

from tools.markdown import anchor, code, page, table
from usher.cli.main import app

Command = tuple[tuple[str, ...], Any]


def commands() -> list[Command]:
    """Return every command with its path of words, `usher` first, in the order that `--help` has."""
    return list(_below(("usher",), get_command(app)))


def options_of(command: Any) -> list[str]:
    """Return every spelling of every option that *command* takes."""
    return [spelling for option in _options(command) for spelling in (*option.opts, *option.secondary_opts)]


def cli_page() -> str:
    found = commands()
    contents = [(f"[`{name}`](#{anchor(name)})", _first_sentence(command.help)) for name, command in _named(found)]
    return page(
        "Command line",
        "The command line speaks to the service: to `USHER_URL` with `USHER_TOKEN`; "
        "else to the `usher serve` that runs on the same data folder; else it does the work itself.\n"
        "It exits with 0 when done, 1 when it failed, 2 for wrong usage or configuration.\n"
        "Every command also takes `--help`.",
        table(("Command", "What it does"), contents),
        *(_section(name, command) for name, command in _named(found)),
    )


def _below(path: tuple[str, ...], command: Any) -> Iterator[Command]:
    inner = getattr(command, "commands", None)
    if inner is None:
        yield path, command
        return
    for name, one in inner.items():
        yield from _below((*path, name), one)


def _named(found: list[Command]) -> list[tuple[str, Any]]:
    return [(" ".join(path), command) for path, command in found if not command.hidden]


def _section(name: str, command: Any) -> str:
    usage = " ".join(
        [name, *(_placeholder(p) for p in _arguments(command)), *(["[OPTIONS]"] * bool(_options(command)))]
    )
    rows = [(code(_placeholder(p)), p.help or "", "") for p in _arguments(command)]
    rows += [(_spellings(p), p.help or "", _default(p)) for p in _options(command)]
    parts = [f"## {name}", f"```\n{usage}\n```", command.help.strip()]
    return "\n\n".join(parts + ([table(("Given", "Meaning", "Default"), rows)] if rows else []))


def _arguments(command: Any) -> list[Any]:
    return [param for param in command.params if param.param_type_name == "argument"]


def _options(command: Any) -> list[Any]:
    return [param for param in command.params if param.param_type_name == "option" and not param.hidden]


def _placeholder(argument: Any) -> str:
    return str(argument.metavar or argument.name.upper())


def _spellings(option: Any) -> str:
    said = ", ".join(code(spelling) for spelling in (*option.opts, *option.secondary_opts))
    return f"{said} (needed)" if option.required else said


def _default(option: Any) -> str:
    told = [code(f"${option.envvar}")] if option.envvar else []
    default = getattr(option.default, "value", option.default)
    if default is not None and default is not False:
        told.append(code(default))
    return ", else ".join(told)


def _first_sentence(text: str) -> str:
    return text.strip().split("\n")[0].split("; ")[0].split(". ")[0].rstrip(".") + "."
