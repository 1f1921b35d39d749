from pathlib import Path

import pytest

from demo.applications import NoApplications, find_applications


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_applications_get_their_version_their_licence_and_their_files(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "elixir-1.14.0/VERSION": "1.14.0",
            "elixir-1.14.0/LICENSE": "Apache License",
            "elixir-1.14.0/NOTICE": "A notice",
            "elixir-1.14.0/lib/eex/lib/eex.ex": "defmodule EEx do\nend\n",
            "elixir-1.14.0/lib/eex/.formatter.exs": "[]",
            "rabbitmq-server-3.10.8/deps/rabbit/src/rabbit.erl": "-module(rabbit).\n",
            "rabbitmq-server-3.10.8/deps/rabbit/LICENSE": "MPL",
            "rabbitmq-server-3.10.8/deps/cowboy/src/cowboy.erl": "-module(cowboy).\n",
            "rabbitmq-server-3.10.8/deps/cowboy/Makefile": "PROJECT_VERSION = 2.8.0\n",
            "rabbitmq-server-3.10.8/deps/jsx/src/jsx.erl": "-module(jsx).\n",
            "rabbitmq-server-3.10.8/deps/jsx/src/jsx.app.src": '{vsn, "3.1.0"},',
            "rabbitmq-server-3.10.8/deps/elvis_mk/Makefile": "nothing to compile here",
        },
    )
    (tmp_path / "rabbitmq-server-3.10.8/deps/rabbit/COPYING").symlink_to("LICENSE")
    found = [
        (each.name, each.version, each.licenses, sorted(each.files))
        for each in find_applications(tmp_path)
    ]
    assert found == [
        ("cowboy", "2.8.0", ("ISC",), ["Makefile", "src/cowboy.erl"]),
        ("eex", "1.14.0", ("Apache-2.0",), ["LICENSE", "NOTICE", "lib/eex.ex"]),
        ("jsx", "3.1.0", ("MIT",), ["src/jsx.app.src", "src/jsx.erl"]),
        ("rabbit", "3.10.8", ("MPL-2.0",), ["LICENSE", "src/rabbit.erl"]),
    ]


def test_an_unexpected_layout_is_explained(tmp_path: Path) -> None:
    with pytest.raises(NoApplications, match=r"no elixir-\*/lib"):
        find_applications(tmp_path)
