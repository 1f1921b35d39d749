import io
import tarfile
from pathlib import Path

import pyarrow as pa
import pytest

from corpus.extraction import Extraction
from corpus.ingest.bundle import IngestConfig, ingest, plan_bundles
from corpus.ingest.source_file import EXTRACTORS
from corpus.parts import read_part
from corpus.store import ArchiveStore
from demo.hex_tarball import Term, pack
from tests.stores import MIT, add, module


def part(store: ArchiveStore, folder: Path, table: str) -> pa.Table:
    (bundle,) = plan_bundles(store.archives(), store, folder, IngestConfig())
    return read_part(ingest(bundle) / f"{table}.arrow")


def with_second_member(body: bytes, path: str, data: bytes) -> bytes:
    """Append one member to the contents of a tarball, without its optional CHECKSUM."""
    import gzip

    with tarfile.open(fileobj=io.BytesIO(body)) as outer:
        parts = {m.name: outer.extractfile(m).read() for m in outer}  # type: ignore[union-attr]
    inner = io.BytesIO(gzip.decompress(parts["contents.tar.gz"]))
    with tarfile.open(fileobj=inner, mode="a", format=tarfile.USTAR_FORMAT) as contents:
        member = tarfile.TarInfo(path)
        member.size = len(data)
        contents.addfile(member, io.BytesIO(data))
    parts["contents.tar.gz"] = gzip.compress(inner.getvalue(), mtime=0)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as outer:
        for name in ("VERSION", "metadata.config", "contents.tar.gz"):
            member = tarfile.TarInfo(name)
            member.size = len(parts[name])
            outer.addfile(member, io.BytesIO(parts[name]))
    return packed.getvalue()


def test_a_second_file_of_one_name_is_a_reject_with_an_id_of_its_own(tmp_path: Path) -> None:
    store = ArchiveStore(tmp_path / "store")
    metadata = {"name": "twice", "version": "1.0.0", "licenses": ["MIT"]}
    body = pack(metadata, {"LICENSE": MIT, "lib/a.ex": module("A", "alpha")})
    add(store, "twice", {}, body=with_second_member(body, "lib/a.ex", b"defmodule B do\nend\n"))
    documents = part(store, tmp_path / "parts", "documents").to_pylist()
    rejects = part(store, tmp_path / "parts", "rejects").to_pylist()
    assert [(row["path"], row["modules"][0]["name"]) for row in documents] == [("lib/a.ex", "B")]
    assert sorted((row["path"], row["reason"]) for row in rejects) == [
        ("LICENSE", "not_source_code"),
        ("lib/a.ex", "duplicate_member"),
    ]
    ids = [row["document_id"] for row in documents + rejects]
    assert len(set(ids)) == 3


def test_an_archive_without_files_is_a_reject_of_its_own(tmp_path: Path) -> None:
    store = ArchiveStore(tmp_path / "store")
    add(store, "empty", {})
    (reject,) = part(store, tmp_path / "parts", "rejects").to_pylist()
    assert (reject["package"], reject["path"]) == ("empty", "")
    assert (reject["stage"], reject["reason"]) == ("unpack", "empty_archive")
    (archive,) = part(store, tmp_path / "parts", "archives").to_pylist()
    assert (archive["failure"], archive["files_seen"]) == ("empty_archive", 0)


def test_what_of_metadata_is_not_understood_is_noted(tmp_path: Path) -> None:
    store = ArchiveStore(tmp_path / "store")
    odd: dict[str, Term] = {"name": "odd", "version": "1.0.0", "licenses": ["MIT"], "links": 7}
    add(store, "odd", {}, body=pack(odd, {"LICENSE": MIT, "lib/a.ex": module("A", "alpha")}))
    (archive,) = part(store, tmp_path / "parts", "archives").to_pylist()
    assert (archive["failure"], archive["notes"]) == (None, ["links is not a list"])


def test_members_that_share_a_path_or_have_none_are_rejects_of_their_own(tmp_path: Path) -> None:
    store = ArchiveStore(tmp_path / "store")
    metadata = {"name": "odd", "version": "1.0.0", "licenses": ["MIT"]}
    body = pack(metadata, {"lib/a.ex": module("A", "alpha")})
    for path in ("lib/a.ex", "lib/a.ex", "", ""):
        body = with_second_member(body, path, b"1")
    add(store, "odd", {}, body=body)
    documents = part(store, tmp_path / "parts", "documents").to_pylist()
    rejects = part(store, tmp_path / "parts", "rejects").to_pylist()
    assert sorted((row["path"], row["reason"]) for row in rejects) == [
        ("<no name>", "unsafe_path"),
        ("<no name>", "unsafe_path"),
        ("lib/a.ex", "duplicate_member"),
        ("lib/a.ex", "duplicate_member"),
    ]
    ids = [row["document_id"] for row in documents + rejects]
    assert len(set(ids)) == 5


def test_odd_bytes_end_as_documents_or_as_rejects_with_their_reason(tmp_path: Path) -> None:
    store = ArchiveStore(tmp_path / "store")
    files = {
        "LICENSE": MIT,
        "lib/bom.ex": b"\xef\xbb\xbfdefmodule Bom do\nend\n",
        "lib/crlf.ex": b"defmodule Crlf do\r\n  def a, do: 1\r\nend\r\n",
        "lib/nul.ex": b"defmodule Nul do\0end\n",
        "lib/latin.ex": b"# caf\xe9\ndefmodule Latin do\nend\n",
        "lib/empty.ex": b" \n",
        "lib/huge.ex": b"\n".join(b"# %x" % (n**9) for n in range(250_000)),
        "lib/deep.ex": b"[\n" * 100_000 + b"]\n" * 100_000,
        "lib/broken.ex": b"defmodule Broken do\n  def (]\n  end end ) fn\n",
        "lib/one_line.ex": b"x = [" + b"1, " * 5_000 + b"1]",
    }
    add(store, "odd", files)
    documents = part(store, tmp_path / "parts", "documents").to_pylist()
    rejects = part(store, tmp_path / "parts", "rejects").to_pylist()
    assert {row["path"]: row["modules"][0]["name"] for row in documents} == {
        "lib/bom.ex": "Bom",
        "lib/crlf.ex": "Crlf",
    }
    assert {row["path"]: row["reason"] for row in rejects} == {
        "LICENSE": "not_source_code",
        "lib/nul.ex": "binary",
        "lib/latin.ex": "not_utf8",
        "lib/empty.ex": "empty",
        "lib/huge.ex": "oversized",
        "lib/deep.ex": "nested_too_deeply",
        "lib/broken.ex": "unparsable",
        "lib/one_line.ex": "minified",
    }


def test_one_error_does_not_cost_a_short_file(tmp_path: Path) -> None:
    store = ArchiveStore(tmp_path / "store")
    functions = b"".join(b"  def name_%d(x), do: {x, %d}\n" % (n, n) for n in range(12))
    files = {
        "LICENSE": MIT,
        "lib/short.ex": b"defmodule Short do\n" + functions + b"  def odd(x), do: [)\nend\n",
        "lib/prose.ex": b"Two steps: open it, (then) read. What's that? See: below!\n" * 16,
        "lib/other.ex": b"-module(other).\n-export([f/0]).\nf() -> ok.\n",
    }
    add(store, "short", files)
    documents = part(store, tmp_path / "parts", "documents").to_pylist()
    rejects = part(store, tmp_path / "parts", "rejects").to_pylist()
    assert [(row["path"], row["parse_errors"]) for row in documents] == [("lib/short.ex", 1)]
    assert {row["path"]: row["reason"] for row in rejects if row["stage"] == "parse"} == {
        "lib/prose.ex": "unparsable",
        "lib/other.ex": "unparsable",
    }


def test_a_mistake_in_an_extractor_costs_one_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def mistaken(text: bytes) -> Extraction:
        raise ValueError("a mistake")

    monkeypatch.setitem(EXTRACTORS, "erlang", mistaken)
    store = ArchiveStore(tmp_path / "store")
    elixir = b"defmodule A do\nend\n"
    add(store, "mixed", {"LICENSE": MIT, "lib/a.ex": elixir, "src/a.erl": b"-module(a).\n"})
    documents = part(store, tmp_path / "parts", "documents").to_pylist()
    rejects = part(store, tmp_path / "parts", "rejects").to_pylist()
    assert [row["path"] for row in documents] == ["lib/a.ex"]
    (row,) = [row for row in rejects if row["stage"] == "parse"]
    assert (row["path"], row["reason"]) == ("src/a.erl", "extraction_failed")
    assert "ValueError('a mistake')" in row["detail"]


def test_public_functions_of_erlang_are_the_exported_ones(tmp_path: Path) -> None:
    store = ArchiveStore(tmp_path / "store")
    head = b"-module(a).\n-export([f/0]).\n"
    source = head + b"-spec f() -> 1.\nf() -> g(1).\n-spec g(1) -> 1.\ng(X) -> X.\n"
    add(store, "erl", {"LICENSE": MIT, "src/a.erl": source})
    (row,) = part(store, tmp_path / "parts", "documents").to_pylist()
    assert (row["public_functions"], row["specified_functions"]) == (1, 1)


def test_documents_say_what_was_cut_out(tmp_path: Path) -> None:
    store = ArchiveStore(tmp_path / "store")
    blob = b"iVBORw0KGgoAAAANSUhEUgAA" * 50
    code = b"  def size, do: byte_size(png())\n" * 9
    source = b'defmodule Logo do\n  def png, do: "' + blob + b'"\n' + code + b"end\n"
    add(store, "logo", {"LICENSE": MIT, "lib/logo.ex": source})
    (row,) = part(store, tmp_path / "parts", "documents").to_pylist()
    head = 'defmodule Logo do\n  def png, do: "encoded_1200_bytes"\n'
    assert row["text"] == head + code.decode() + "end\n"
    assert row["redactions"] == [{"rule": "encoded", "start": 34, "end": 1234}]
