import hashlib

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from usher.mapp.signing import exp_of, request_hash, signing_key, token

SHA1 = st.text("0123456789abcdef", min_size=40, max_size=40)


@given(
    secret=st.text(st.characters(exclude_categories=["Cs"]), min_size=32, max_size=80),
    digest=SHA1,
    exp=st.integers(0, 2**40),
)
def test_a_token_is_the_one_a_jwt_library_makes(secret, digest, exp):
    expected = jwt.encode({"request-hash": digest, "exp": exp}, secret, algorithm="HS256")

    assert token(signing_key(secret), digest, exp) == expected


@pytest.mark.filterwarnings("ignore::jwt.warnings.InsecureKeyLengthWarning")
@pytest.mark.parametrize("secret", ["s", "short", "ümläut", "c2VjcmV0"])
def test_a_short_secret_signs_by_its_bytes_as_typed(secret):
    made = token(signing_key(secret), "ab" * 20, 4_000_000_000)

    claims = jwt.decode(made, secret, algorithms=["HS256"])

    assert claims == {"request-hash": "ab" * 20, "exp": 4_000_000_000}
    assert jwt.get_unverified_header(made) == {"alg": "HS256", "typ": "JWT"}


def test_a_token_by_another_secret_does_not_pass():
    made = token(signing_key("a" * 32), "ab" * 20, 4_000_000_000)

    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(made, "b" * 32, algorithms=["HS256"])


@pytest.mark.parametrize(
    ("path", "body", "query", "hashed"),
    [
        ("/api/v1/integration/7/group", b"", "", b"/api/v1/integration/7/group"),
        ("/p", b'{"email":"a@b.c"}', "subtype=user", b'/p|{"email":"a@b.c"}|subtype=user'),
        ("/p", b"", "subtype=user", b"/p|subtype=user"),
        ("/p", b"\xc3\xbc|", "", b"/p|\xc3\xbc|"),
    ],
)
def test_a_hash_covers_path_body_and_query_and_leaves_an_empty_part_out_with_its_bar(path, body, query, hashed):
    assert hashlib.sha1(hashed).hexdigest() == request_hash(path, body, query)


@pytest.mark.parametrize(
    ("expires_at_ms", "seconds"), [(0, 0), (999, 0), (1000, 1), (1_790_000_000_999, 1_790_000_000)]
)
def test_a_token_never_outlives_the_room_it_was_made_for(expires_at_ms, seconds):
    assert exp_of(expires_at_ms) == seconds
