from pathlib import Path

from corpus.licenses import LicensePolicy
from corpus.reasons import Reason, Reject, Stage
from crawler.ledger import Ledger, terms
from crawler.memory import Settlements
from crawler.registry import PackageVersions
from crawler.versions import Selection

PLUG = PackageVersions(name="plug", versions=("1.0.0", "1.1.0"))


def ledger(folder: Path, selection: Selection | None = None, *, is_complete: bool = True) -> Ledger:
    asked = terms(selection or Selection(), LicensePolicy())
    return Ledger(Settlements(folder), asked, lambda _: is_complete)


def test_a_package_is_settled_when_its_last_release_is_dealt_with(tmp_path: Path) -> None:
    book = ledger(tmp_path)
    book.open(PLUG, {"1.0.0": "aa", "1.1.0": "bb"})
    book.settle("plug", "1.0.0", None)
    assert not ledger(tmp_path).is_settled(PLUG)

    book.settle("plug", "1.1.0", Reject(Stage.LICENSE, Reason.LICENSE_NOT_PERMITTED, "because"))
    assert ledger(tmp_path).is_settled(PLUG)
    assert ledger(tmp_path).refused("plug") == {"1.1.0": "bb"}


def test_a_package_with_nothing_to_do_is_settled_at_once(tmp_path: Path) -> None:
    ledger(tmp_path).open(PLUG, {})
    assert ledger(tmp_path).is_settled(PLUG)


def test_a_package_is_not_settled_by_what_another_attempt_may_change(tmp_path: Path) -> None:
    book = ledger(tmp_path)
    book.open(PLUG, {"1.0.0": "aa"})
    book.settle("plug", "1.0.0", Reject(Stage.CRAWL, Reason.UNAVAILABLE, "because"))
    assert not ledger(tmp_path).is_settled(PLUG)

    book.open(PLUG, {"1.0.0": "aa"})
    book.settle("plug", "1.0.0", Reject(Stage.CRAWL, Reason.RETIRED, "because"))
    assert ledger(tmp_path).is_settled(PLUG)


def test_what_is_missing_is_asked_for_until_it_is_missing_for_so_many_days(tmp_path: Path) -> None:
    def crawl_on(now: str, *, reason: Reason = Reason.GONE) -> bool:
        asked = terms(Selection(), LicensePolicy())
        book = Ledger(
            Settlements(tmp_path), asked, lambda _: True, gone_after_days=30, clock=lambda: now
        )
        book.open(PLUG, {"1.0.0": "aa"})
        book.settle("plug", "1.0.0", Reject(Stage.CRAWL, reason, "because"))
        return book.is_settled(PLUG)

    assert not crawl_on("2026-11-01T00:00:00Z")
    assert not crawl_on("2026-11-30T23:59:59Z")
    assert crawl_on("2026-12-01T00:00:00Z")


def test_what_was_there_in_between_is_missing_anew(tmp_path: Path) -> None:
    asked = terms(Selection(), LicensePolicy())
    for now, reason in (
        ("2026-11-01T00:00:00Z", Reason.GONE),
        ("2026-11-20T00:00:00Z", None),
        ("2026-12-20T00:00:00Z", Reason.GONE),
    ):
        book = Ledger(Settlements(tmp_path), asked, lambda _: True, clock=lambda now=now: now)  # type: ignore[misc]
        book.open(PLUG, {"1.0.0": "aa"})
        book.settle("plug", "1.0.0", Reject(Stage.CRAWL, reason, "because") if reason else None)
    assert not book.is_settled(PLUG)


def test_an_account_that_is_not_sound_is_not_remembered(tmp_path: Path) -> None:
    ledger(tmp_path).open(PLUG, {}, is_sound=False)
    assert not ledger(tmp_path).is_settled(PLUG)


def test_a_changed_package_or_another_order_is_not_settled(tmp_path: Path) -> None:
    ledger(tmp_path).open(PLUG, {}, {"1.0.0": "aa"})
    retired = PackageVersions(name="plug", versions=PLUG.versions, retired=frozenset({"1.0.0"}))
    assert not ledger(tmp_path).is_settled(retired)
    assert not ledger(tmp_path, Selection(count=2)).is_settled(PLUG)
    assert ledger(tmp_path, Selection(count=2)).refused("plug") == {}


def test_a_package_of_which_something_is_missing_is_not_settled_any_more(tmp_path: Path) -> None:
    ledger(tmp_path).open(PLUG, {})
    assert not ledger(tmp_path, is_complete=False).is_settled(PLUG)


def test_what_was_damaged_counts_as_not_settled(tmp_path: Path) -> None:
    ledger(tmp_path).open(PLUG, {})
    whole = (tmp_path / "plug.json").read_bytes()
    (tmp_path / "plug.json").write_bytes(whole.replace(b'"gone": {}', b'"gone": 1'))
    assert ledger(tmp_path).is_settled(PLUG)
    for damage in (b"", b"[]", b'{"listed": 1}', b"\xff"):
        (tmp_path / "plug.json").write_bytes(damage)
        assert not ledger(tmp_path).is_settled(PLUG)
        assert ledger(tmp_path).refused("plug") == {}
