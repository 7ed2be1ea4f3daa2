"""Whatever the pages name exists: links, commands, options, variables, targets, metrics."""

import re

import pytest
from typer.main import get_command

from tests.docs.pages import PAGES, ROOT, anchors_of, links_of, name_of, said_of, text_of, typed_of, words_of
from tools.cli_page import commands, options_of
from tools.metrics_page import metrics_page
from usher.cli.main import app
from usher.settings import PREFIX, Settings

COMMANDS = dict(commands())
GROUPS = {path[:length] for path in COMMANDS for length in range(1, len(path))}
VARIABLES = {PREFIX + name.upper() for name in Settings.model_fields}
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
EVERY_PAGE = pytest.mark.parametrize("page", PAGES, ids=name_of)


def is_there(page, link):
    path, _, place = link.partition("#")
    target = page if not path else (page.parent / path).resolve()
    return target.exists() and (not place or place in anchors_of(text_of(target)))


def command_named(words):
    """The longest path of words that is a command or a group, and the words after it."""
    path = ("usher", *words)
    while path not in COMMANDS and path not in GROUPS:
        path = path[:-1]
    return path, words[len(path) - 1 :]


def spare_words(command, words):
    """Take the options and their values out of *words*; an unknown option fails."""
    known = {spelling: param for param in command.params for spelling in (*param.opts, *param.secondary_opts)}
    spare, given = [], iter(words)
    for word in given:
        if not word.startswith("-"):
            spare.append(word)
            continue
        assert word in options_of(command) or word == "--help", f"there is no option {word}"
        if word != "--help" and not known[word].is_flag:
            assert next(given, None) is not None, f"{word} needs a value"
    return spare


def check_command(words, *, is_whole):
    path, rest = command_named(words)
    assert path in COMMANDS or rest in ([], ["--help"]), f"there is no command {' '.join(('usher', *words))}"
    if path not in COMMANDS:
        return
    command = COMMANDS[path]
    spare = spare_words(command, rest)
    arguments = [param for param in command.params if param.param_type_name == "argument"]
    most = 99 if any(param.nargs == -1 for param in arguments) else len(arguments)
    assert len(spare) <= most, f"{path} takes no {spare[most:]}"
    if is_whole and "--help" not in rest:
        assert len(spare) >= sum(param.required for param in arguments), f"{path} needs more words"


@EVERY_PAGE
def test_every_relative_link_leads_somewhere(page):
    relative = [link for link in links_of(text_of(page)) if "://" not in link]

    assert [link for link in relative if not is_there(page, link)] == []


@pytest.mark.parametrize("page", [page for page in PAGES if page.parent.name != "reference"], ids=name_of)
def test_every_command_shown_in_a_block_exists_with_its_options(page):
    for typed in typed_of(text_of(page)):
        if (words := words_of(typed, "usher")) is not None:
            check_command(words, is_whole=True)


@EVERY_PAGE
def test_every_command_named_in_a_sentence_exists_with_its_options(page):
    for said in said_of(text_of(page)):
        if (words := words_of(said, "usher")) is not None:
            check_command(words, is_whole=False)


@EVERY_PAGE
def test_every_variable_exists(page):
    named = set(re.findall(r"\bUSHER_[A-Z][A-Z_]*[A-Z]\b", text_of(page)))

    assert named <= VARIABLES


@EVERY_PAGE
def test_every_variable_for_a_secret_is_read_by_some_option(page):
    read = {param.envvar for command in COMMANDS.values() for param in command.params if param.envvar}

    assert set(re.findall(r"\b(?:MAPP|LYTICS)_[A-Z_]+\b", text_of(page))) <= read


@EVERY_PAGE
def test_every_make_target_exists(page):
    text = text_of(page)
    called = [words_of(code, "make") for code in [*typed_of(text), *said_of(text)]]

    assert {words[0] for words in called if words} <= TARGETS


@EVERY_PAGE
def test_every_metric_exists(page):
    named = set(re.findall(r"\busher_[a-z_]+[a-z]\b", text_of(page)))

    assert {name for name in named if f"`{name}`" not in metrics_page()} == set()


def test_every_command_of_the_readme_is_one_of_the_makefiles():
    typed = typed_of(text_of(ROOT / "README.md"))

    assert typed
    assert [command for command in typed if words_of(command, "make") is None] == []


def test_every_page_can_be_reached_from_the_readme():
    seen, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in seen:
            continue
        seen.add(page)
        links = [link.partition("#")[0] for link in links_of(text_of(page)) if "://" not in link]
        waiting += [(page.parent / link).resolve() for link in links if link.endswith(".md")]

    assert [name_of(page) for page in PAGES if page not in seen] == []


def test_what_is_not_there_would_be_found():
    assert get_command(app).name == "usher"
    assert not is_there(ROOT / "README.md", "docs/none.md")
    assert not is_there(ROOT / "README.md", "docs/index.md#nowhere")
    for wrong in ("job creat", "job create --nmae x", "job show", "explain a", "db backup", "serve now"):
        with pytest.raises(AssertionError):
            check_command(wrong.split(), is_whole=True)
