import pytest
from hypothesis import given
from hypothesis import strategies as st
from scrapy.http import Headers

from crawler.arguments import InvalidArgument
from crawler.patience import asked_wait, is_exhausted, read_limits, until_reset

NOW = 1_800_000_000.0
DATE = "Fri, 15 Jan 2027 08:00:00 GMT"
"""NOW as an HTTP date."""


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "120"}, 120.0),
        ({"Retry-After": "Fri, 15 Jan 2027 08:01:30 GMT"}, 90.0),
        ({"Retry-After": "Fri, 15 Jan 2027 07:00:00 GMT"}, 0.0),
        (
            {
                "Retry-After": "Fri, 15 Jan 2027 09:00:30 GMT",
                "Date": "Fri, 15 Jan 2027 09:00:00 GMT",
            },
            30.0,
        ),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "nan"}, None),
        ({"X-RateLimit-Reset": "1800000042"}, 42.0),
        ({"X-RateLimit-Reset": "17"}, 17.0),
        ({"X-RateLimit-Reset": "1700000000"}, 0.0),
        ({"Retry-After": "7", "X-RateLimit-Reset": "1800000042"}, 7.0),
        ({"Retry-After": "soon", "X-RateLimit-Reset": "1800000042"}, 42.0),
    ],
)
def test_the_wait_is_read_from_the_headers(headers: dict[str, str], seconds: float | None) -> None:
    assert asked_wait(Headers(headers), NOW) == seconds


def test_a_limit_is_used_up_when_nothing_remains() -> None:
    assert is_exhausted(Headers({"X-RateLimit-Remaining": "0"}))
    assert not is_exhausted(Headers({"X-RateLimit-Remaining": "1"}))
    assert not is_exhausted(Headers({}))


@given(st.binary(max_size=40))
def test_no_header_breaks_the_reader(value: bytes) -> None:
    headers = Headers({"Retry-After": value, "X-RateLimit-Reset": value, "Date": value})
    for wait in (asked_wait(headers, NOW), until_reset(headers, NOW)):
        assert wait is None or wait >= 0


@pytest.mark.parametrize("value", ["15min", "nan", "-1", "", "inf"])
def test_a_limit_that_is_no_number_is_told(value: str) -> None:
    settings = {
        "RATE_LIMIT_TIMES": 8,
        "RATE_LIMIT_FIRST_WAIT": "5",
        "RATE_LIMIT_LONGEST_WAIT": value,
        "RETRY_TIMES": 3,
        "RETRY_WAIT": 1,
        "RATE_LIMIT_ADDRESSES": 5,
    }
    with pytest.raises(InvalidArgument, match="RATE_LIMIT_LONGEST_WAIT: expected a number from 0"):
        read_limits(settings)
