from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daytwo.dialects import MEDIA_TYPES
from daytwo.errors import NotAcceptable
from daytwo.serving.media import answer_in, dialect_of

ARROW, NPY = MEDIA_TYPES["arrow"], MEDIA_TYPES["npy"]


@pytest.mark.parametrize(
    ("media", "dialect"),
    [("application/json", "native"), ("application/json; charset=utf-8", "native"), ("application/vnd.api+json", "native"),
     (ARROW, "arrow"), (ARROW.upper() + ' ; v="1"', "arrow"), (NPY, "npy"), ("application/npy", "npy")],
)  # fmt: skip
def test_a_media_type_means_a_dialect(media: str, dialect: str):
    assert dialect_of(media.encode()) == dialect


@pytest.mark.parametrize(
    ("accept", "own", "dialect"),
    [
        ("*/*", "arrow", "arrow"),
        ("*", "npy", "npy"),
        ("application/*", "native", "native"),
        ("text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", "native", "native"),
        (ARROW, "native", "arrow"),
        (NPY, "arrow", "npy"),
        ("application/json", "npy", "native"),
        ("application/json, text/plain, */*", "arrow", "native"),
        (f"{ARROW};q=0.5, {NPY};q=0.9", "native", "npy"),
        (f"{NPY}, {ARROW}", "native", "npy"),
        (f"{NPY}, {ARROW}", "arrow", "arrow"),
        (f"{ARROW};q=0, */*", "arrow", "native"),
        (f"application/json;q=0, {NPY};q=0.001", "native", "npy"),
        (f"{NPY} ; Q=1.000", "native", "npy"),
        (f"{NPY};q=high", "native", "npy"),
    ],
)
def test_the_answer_is_in_the_type_that_is_preferred(accept: str, own: str, dialect: str):
    assert answer_in(accept.encode(), own) == dialect


@pytest.mark.parametrize(
    "accept", ["text/html", "", "application/json;q=0", "*/*;q=0", "application/xml, text/*", ",;,q=1", "\xff"]
)
def test_who_takes_nothing_of_ours_is_told_so(accept: str):
    with pytest.raises(NotAcceptable, match="accept: expected one of application/json"):
        answer_in(accept.encode("latin-1"), "native")


@given(st.binary(max_size=60), st.sampled_from(sorted(MEDIA_TYPES)))
def test_any_header_means_something_or_is_refused(accept: bytes, own: str):
    try:
        assert answer_in(accept, own) in MEDIA_TYPES
    except NotAcceptable:
        return
