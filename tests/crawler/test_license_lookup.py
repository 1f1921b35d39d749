import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scrapy import Request

from corpus.licenses import LicensePolicy
from corpus.reasons import Reject
from crawler.items import Refusal
from crawler.license_lookup import (
    Declared,
    LicenseLookup,
    UnusableAnswer,
    read_package,
    read_package_list,
)
from crawler.registry import PackageVersions


def refuse_nothing(package: PackageVersions, reject: Reject) -> Iterator[Refusal]:
    yield from ()


LOOKUP = LicenseLookup(
    api_url="https://hex.test/api",
    policy=LicensePolicy(),
    proceed=lambda package: Request(f"https://hex.test/packages/{package.name}"),
    refuse=refuse_nothing,
    describe=lambda name, details: None,
    later=lambda request, seconds: None,
)
PACKAGES = [PackageVersions(name=name, versions=("1.0.0",)) for name in ("a", "b", "c")]


def test_packages_are_asked_for_in_whichever_way_takes_fewer_requests() -> None:
    (page,) = LOOKUP.ask(PACKAGES, listed=200)
    assert page.url == "https://hex.test/api/packages?sort=name&page=1"
    (first,) = LOOKUP.ask(PACKAGES, listed=300)
    assert first.url == "https://hex.test/api/packages/a"
    assert list(LOOKUP.ask([], listed=0)) == []


def test_the_api_keeps_its_own_pace_whatever_autothrottle_finds() -> None:
    (request,) = LOOKUP.ask(PACKAGES, listed=300)
    assert isinstance(request, Request)
    assert request.meta["download_slot"] == "hex-api"
    assert request.meta["autothrottle_dont_adjust_delay"] is True


def test_a_list_that_never_ends_is_left_at_twice_its_length() -> None:
    asked = list(LOOKUP.ask_page({"a": PACKAGES[0]}, page=5, last=4))
    assert [request.url for request in asked] == ["https://hex.test/packages/a"]


def test_licences_are_read_and_may_be_absent() -> None:
    body = (
        b'[{"name": "a", "meta": {"licenses": ["MIT"]}}, {"name": "b", "meta": {"licenses": null}}]'
    )
    assert read_package_list(body) == [Declared("a", ("MIT",)), Declared("b", ())]
    assert read_package(b'{"name": "a", "meta": {"licenses": []}}') == Declared("a", ())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["name", "meta", "licenses", "x"]), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(JSON)
def test_any_json_is_read_or_is_unusable(value: Any) -> None:
    for read in (read_package_list, read_package):
        try:
            read(json.dumps(value).encode())
        except UnusableAnswer:
            continue


@pytest.mark.parametrize("body", [b"", b"<html></html>", b"\xff", b"[" * 100_000, b"null"])
def test_what_is_no_answer_is_unusable(body: bytes) -> None:
    with pytest.raises(UnusableAnswer):
        read_package_list(body)
