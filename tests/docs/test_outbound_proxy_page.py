"""What the page on proxies quotes is what Usher says."""

import pytest
from aiohttp import ClientConnectionError
from yarl import URL

from tests.docs.pages import ROOT, said_of, text_of
from usher.addresses import check_host_by_name
from usher.connection import proxied_error
from usher.proxy import Proxy

PAGE = text_of(ROOT / "docs" / "how-to" / "outbound-proxy.md")
PROXY = Proxy(URL("http://proxy:1"))


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("does not accept Usher's user name and password (407)", PROXY.refusal(407, host="h")),
        ("does not let Usher through", PROXY.refusal(403, host="h")),
        ("could not reach", PROXY.refusal(502, host="h")),
        ("gave no usable answer", proxied_error(ClientConnectionError(), host="h", proxy=PROXY)),
        ("in time", proxied_error(TimeoutError(), host="h", proxy=PROXY)),
    ],
)
def test_every_message_of_the_table_is_one_that_usher_gives(words, error):
    assert words in said_of(PAGE)
    assert words in error.message


@pytest.mark.parametrize("host", ["localhost", "intranet", "a.internal", "a.local", "a.lan"])
def test_the_names_that_the_page_calls_private_are_refused(host):
    assert check_host_by_name(f"https://{host}/") is not None
