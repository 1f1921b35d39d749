"""The configuration of a build, read from TOML and written as TOML."""

import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_type_hints

from corpus.context.windows import ContextConfig
from corpus.decontamination.comparing import DecontaminationConfig
from corpus.deduplicate import NearDuplicates
from corpus.errors import CorpusError
from corpus.ingest.bundle import IngestConfig
from corpus.instruct.configuration import InstructConfig
from corpus.licenses import BadList, read_list
from corpus.provenance import plain_fields
from corpus.release.planning import ShardLimits
from corpus.signals import SignalsConfig
from corpus.split import SplitConfig
from corpus.verification.package import VerificationConfig
from corpus.withdrawn import WithdrawnConfig


@dataclass(frozen=True, kw_only=True, slots=True)
class BuildConfig:
    """All settings that determine the content of a release. The defaults are for all of hex.pm."""

    ingest: IngestConfig = field(default_factory=IngestConfig)
    duplicates: NearDuplicates = field(default_factory=NearDuplicates)
    split: SplitConfig = field(default_factory=SplitConfig)
    signals: SignalsConfig = field(default_factory=SignalsConfig)
    verification: VerificationConfig = field(default_factory=VerificationConfig)
    instruct: InstructConfig = field(default_factory=InstructConfig)
    context: ContextConfig = field(default_factory=ContextConfig)
    shards: ShardLimits = field(default_factory=ShardLimits)
    withdrawn: WithdrawnConfig = field(default_factory=WithdrawnConfig)
    decontamination: DecontaminationConfig = field(default_factory=DecontaminationConfig)


MOVED = (
    "[[exclude]] is now a ledger of opt-outs: put these tables into a file of their own, run "
    "`python -m corpus optout add --from FILE`, and give the ledger to `build --optout`"
)


class BadConfiguration(CorpusError):
    """A configuration file cannot be used."""

    def __init__(self, path: Path, detail: str) -> None:
        told = detail.removesuffix(".")
        super().__init__(f"{path}: {told}. `python -m corpus config` prints every key.")


def load(path: Path) -> BuildConfig:
    """Read a configuration; keys that it lacks have their default.

    Raises BadConfiguration for invalid TOML, an unknown key or a value of the wrong type.
    """
    from pydantic import TypeAdapter, ValidationError

    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
        if "exclude" in values:
            raise BadConfiguration(path, MOVED)
        unknown = next(_unknown_keys(values, BuildConfig), None)
        if unknown is not None:
            raise BadConfiguration(path, unknown)
        _resolve_list(values, path.parent)
        # As JSON, because strict validation refuses lists for tuples and sets.
        text = json.dumps(values, default=str)
        return TypeAdapter(BuildConfig).validate_json(text, strict=True)
    except BadList as error:
        raise BadConfiguration(path, f"ingest.read.license.permitted: {error}") from error
    except OSError as error:
        raise BadConfiguration(path, error.strerror or str(error)) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadConfiguration(path, f"not TOML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        what = first["msg"].removeprefix("Value error, ")
        raise BadConfiguration(path, f"{where}: {what}") from error


def configured(config: str | Path | BuildConfig | None) -> BuildConfig:
    """Return a configuration, or read it from a file. Raises the errors of `load`."""
    if not isinstance(config, BuildConfig):
        config = load(Path(config)) if config else BuildConfig()
    return config


def _resolve_list(values: dict[str, Any], folder: Path) -> None:
    """Put the ids of a list in place of its name or path, so that a release tells what it meant."""
    licenses: object = values
    for key in ("ingest", "read", "license"):
        licenses = licenses.get(key) if isinstance(licenses, dict) else None
    if isinstance(licenses, dict) and isinstance(licenses.get("permitted"), str):
        licenses["permitted"] = sorted(read_list(licenses["permitted"], folder))


def permitting(config: BuildConfig, licenses: str) -> BuildConfig:
    """Return a configuration with the list of licences of a name or path. Raises BadList."""
    read = config.ingest.read
    policy = replace(read.license, permitted=read_list(licenses))
    return replace(config, ingest=replace(config.ingest, read=replace(read, license=policy)))


def dump(config: BuildConfig) -> str:
    """Return every key with its value as TOML; `load` reads it as the same configuration."""
    return "\n".join(_dumped(plain_fields(config), ""))


def _dumped(values: Mapping[str, object], table: str) -> Iterator[str]:
    """Yield the lines of a table: its own keys first, then the tables below it."""
    own = {key: value for key, value in values.items() if not isinstance(value, dict)}
    if own:
        if table:
            yield f"[{table}]"
        # JSON and TOML write strings, numbers, booleans and lists alike, except DEL in a string.
        yield from (
            f"{key} = {json.dumps(value, ensure_ascii=False)}".replace("\x7f", "\\u007f")
            for key, value in own.items()
        )
        yield ""
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _dumped(value, f"{table}.{key}".removeprefix("."))


def _unknown_keys(values: dict[str, object], model: type, prefix: str = "") -> Iterator[str]:
    """Yield a message for every unknown key."""
    known = [item.name for item in fields(model)]
    hints = get_type_hints(model)
    for key, value in values.items():
        if key not in known:
            close = get_close_matches(key, known, 1)
            hint = f"did you mean {prefix}{close[0]}" if close else f"known: {', '.join(known)}"
            yield f"unknown key {prefix}{key} ({hint})"
        elif isinstance(value, dict) and is_dataclass(hints[key]):
            yield from _unknown_keys(value, hints[key], f"{prefix}{key}.")
