"""`usher audit`: who did what."""

from usher.cli import options as o
from usher.cli.api import Api
from usher.cli.connecting import run
from usher.cli.output import local_time, print_json, print_table, say

PATH = "/v2/audit"


def audit(every: o.Every = False, as_json: o.AsJson = False) -> None:
    """Show who did what, newest first."""

    async def work(api: Api) -> None:
        found, following = (await api.every(PATH), None) if every else await api.page(PATH)
        if as_json:
            print_json(found)
            return
        print_table(
            ("Time", "Who", "What", "To", "Note"),
            ((local_time(e["timestamp"]), e["actor"], e["action"], e["object"], e["note"]) for e in found),
            nothing="Nobody has changed anything.",
        )
        if following:
            say("There are more: --all shows them.")

    run(work)
