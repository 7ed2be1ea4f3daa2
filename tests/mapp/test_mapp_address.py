import pytest

from usher.errors import InvalidInput
from usher.mapp.address import ApiUrl, integration_in, normalised, normalised_rest, without_query

CHARON = ApiUrl("https://jamie.g.shortest-route.com/charon/api/v1", "/api/v1")
TEST_HOST = ApiUrl("https://charon-test.shortest-route.com/api/v1", "/api/v1")


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("https://jamie.g.shortest-route.com/charon", CHARON),
        ("https://jamie.g.shortest-route.com/charon/", CHARON),
        ("https://jamie.g.shortest-route.com/charon/api/v1", CHARON),
        ("https://jamie.g.shortest-route.com/charon/api/v1/", CHARON),
        ("https://jamie.g.shortest-route.com/charon/api/v1/integration/1234/event", CHARON),
        ("https://jamie.g.shortest-route.com/charon/api/", CHARON),
        ("https://jamie.g.shortest-route.com//charon//api/v1", CHARON),
        ("jamie.g.shortest-route.com/charon", CHARON),
        ("  https://JAMIE.g.Shortest-Route.com/charon\n", CHARON),
        ("charon-test.shortest-route.com", TEST_HOST),
        ("https://charon-test.shortest-route.com/api/v1/", TEST_HOST),
        ("http://127.0.0.1:8090/mapp", ApiUrl("http://127.0.0.1:8090/mapp/api/v1", "/api/v1")),
        ("localhost:8090/mapp", ApiUrl("https://localhost:8090/mapp/api/v1", "/api/v1")),
        ("https://[::1]:8090", ApiUrl("https://[::1]:8090/api/v1", "/api/v1")),
        (
            "https://gw.example/api/v2/charon/api/v1",
            ApiUrl("https://gw.example/api/v2/charon/api/v1", "/api/v1"),
        ),
        ("https://gw.example/api/v1beta", ApiUrl("https://gw.example/api/v1beta/api/v1", "/api/v1")),
        ("https://gw.example/api/v2", ApiUrl("https://gw.example/api/v2", "/api/v2")),
    ],
)
def test_an_api_url_means_the_same_however_it_was_typed(typed, expected):
    assert normalised(typed) == expected


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("https://amundsen.shortest-route.com/shop", "https://amundsen.shortest-route.com/shop/api/rest/v19"),
        ("amundsen.shortest-route.com/shop/", "https://amundsen.shortest-route.com/shop/api/rest/v19"),
        ("https://h.example/shop/api/rest/v13", "https://h.example/shop/api/rest/v13"),
        ("https://h.example/shop/api/rest/v13/user/getByEmail", "https://h.example/shop/api/rest/v13"),
    ],
)
def test_a_rest_url_ends_with_its_version(typed, expected):
    assert normalised_rest(typed) == expected


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "   ",
        "https://",
        "ftp://h.example",
        "file:///etc/passwd",
        "https://h.example:99999",
        "https://h.example:0",
        "https://[::1",
        "https://h.example/a b",
        "https://h.example\\evil",
        "https://user:secret@h.example/",
    ],
)
@pytest.mark.parametrize(("read", "field"), [(normalised, "api_url"), (normalised_rest, "rest_api_url")])
def test_what_is_no_plain_web_address_is_refused_by_field_and_never_repeated(typed, read, field):
    with pytest.raises(InvalidInput) as caught:
        read(typed)

    assert [field] == [problem.field for problem in caught.value.problems]
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("https://jamie.g.shortest-route.com/charon/api/v1/integration/1234/event", "1234"),
        ("https://jamie.g.shortest-route.com/charon/api/v1/integration/1234", "1234"),
        ("  jamie.g.shortest-route.com//charon/api/v1//integration/a-b_c/ ", "a-b_c"),
        ("https://h.example/api/v2/integration/one/api/v1/integration/two/ping", "two"),
        ("https://h.example/api/v1/integration/a%20b", "a b"),
        ("https://h.example/charon/api/v1", ""),
        ("https://h.example/charon/api/v1/integration/", ""),
        ("https://h.example/charon/integration/1234", ""),
        ("https://h.example/api/v1/integrations/1234", ""),
        ("https://h.example/?x=/api/v1/integration/1234", ""),
        ("https://user:secret@h.example/api/v1/integration/1234", ""),
        ("https://[::1/api/v1/integration/1234", ""),
        ("", ""),
    ],
)
def test_an_integration_id_that_was_copied_with_the_address_is_found_in_it(typed, expected):
    assert integration_in(typed) == expected


@pytest.mark.parametrize("behind", ["?key=secret", "#part", "?a=b#c?d"])
def test_what_was_copied_along_behind_an_address_is_dropped_and_the_address_taken(behind):
    typed = f"https://jamie.g.shortest-route.com/charon/api/v1/integration/1234/event{behind}"

    assert normalised(typed).url == "https://jamie.g.shortest-route.com/charon/api/v1"
    assert integration_in(typed) == "1234"
    assert without_query(typed) == typed.removesuffix(behind)
