"""Settings from plain mappings and back: strict about names, types and ranges.

Settings are frozen dataclasses with a default for every field. What a mapping leaves out keeps the
default that stands where the settings stand, which need not be the default of their class.
"""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from difflib import get_close_matches
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from train.errors import TrainError

Settings = TypeVar("Settings")

LARGEST = sys.float_info.max

COMMAND_LINE = "command line"
"""Where options that no file holds are from."""


class UnknownOption(TrainError):
    """A key that the settings do not have."""

    def __init__(self, where: str, key: str, keys: Sequence[str]) -> None:
        """Name what is near among all keys: beside this one, below it, or of its name anywhere."""
        section, _, name = key.rpartition(".")
        names = {each: each.rpartition(".")[2] for each in keys}
        beside = {names[each]: each for each in keys if each.rpartition(".")[0] == section}
        close = [beside[each] for each in get_close_matches(name, beside, 2)]
        below = [each for each in keys if each.startswith(f"{key}.")][:3]
        anywhere = [each for each in keys if names[each] == name]
        near = close or below or anywhere or get_close_matches(key, keys, 2)
        hint = f"There are {', '.join(beside.values())}."
        if near:
            hint = f"Did you mean {' or '.join(near)}?"
        super().__init__(f"{where}: there is no option {key}. {hint}")


class BadValue(TrainError):
    """A value of the wrong type, or out of its range."""

    def __init__(self, key: str, value: object, wanted: str, where: str = "") -> None:
        self.key = key
        self.value = value
        self.wanted = wanted
        place = f"{where}: " if where else ""
        super().__init__(f"{place}{key} is {_shown(value)}, but must be {wanted}.")


def require(holds: bool, field: str, value: object, wanted: str) -> None:
    """Raise BadValue unless `holds`; for the `__post_init__` of settings."""
    if not holds:
        raise BadValue(field, value, wanted)


@dataclass(frozen=True, slots=True)
class Option:
    """A field that is no section, anywhere below some settings."""

    key: str
    """Dotted, such as `stage1.optimizer.learning_rate`."""
    type: Any
    owner: type
    """The class that has the field."""
    field: str
    value: Any
    """What the field is in the settings at hand."""


def build(settings: type[Settings], mapping: Mapping[str, Any], where: str) -> Settings:
    """Make settings of a mapping as TOML gives it; `where` tells errors what is being read.

    An integer may stand where a number is wanted; nothing else is converted.
    Raises UnknownOption and BadValue.
    """
    return _changed(settings(), dict(_flat(settings, mapping, where)), where)


def override(instance: Settings, changes: Mapping[str, Any], where: str = COMMAND_LINE) -> Settings:
    """Return the settings with options replaced, such as `{"adapter.rank": "16"}`.

    Texts are read as on a command line: lists are `a,b`, tables `a=1,b=2`, truth is true or false.
    Other values are taken as from a file. Hyphens in keys are underscores.
    Raises UnknownOption and BadValue.
    """
    types = {option.key: option.type for option in options(instance)}
    named = {key.replace("-", "_"): value for key, value in changes.items()}
    read = {
        key: from_text(types.get(key), value) if isinstance(value, str) else value
        for key, value in named.items()
    }
    return _changed(instance, read, where)


def to_mapping(instance: Any) -> dict[str, Any]:
    """Return settings as dictionaries, lists and plain values; `build` gives the same settings."""
    hints = get_type_hints(type(instance))
    return {name: _plain(kind, getattr(instance, name)) for name, kind in hints.items()}


def options(instance: Any, prefix: str = "") -> Iterator[Option]:
    """Yield every option of the settings, those of a section before those of its subsections."""
    owner = type(instance)
    hints = get_type_hints(owner)
    for field in sorted(fields(owner), key=lambda field: is_dataclass(hints[field.name])):
        key, value = f"{prefix}{field.name}", getattr(instance, field.name)
        if is_dataclass(hints[field.name]):
            yield from options(value, f"{key}.")
        else:
            yield Option(key, hints[field.name], owner, field.name, value)


def wanted_of(kind: Any) -> str:
    """Say in words what values a type has."""
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        return f"one of {', '.join(map(str, arguments))}"
    if origin is tuple and Ellipsis in arguments:
        return f"a list, each {wanted_of(arguments[0])}"
    if origin is tuple:
        return f"a list of {len(arguments)}, each {wanted_of(arguments[0])}"
    if origin is Mapping:
        return f"a table, each value {wanted_of(arguments[1])}"
    return {bool: "true or false", int: "an integer", float: "a number", str: "text"}[kind]


def from_text(kind: Any, text: str) -> Any:
    """Return what a text on the command line stands for, or the text itself if for nothing."""
    origin, arguments = get_origin(kind), get_args(kind)
    items = [item.strip() for item in text.split(",")] if text.strip() else []
    if origin is tuple:
        kinds = arguments[:1] * len(items) if Ellipsis in arguments else arguments
        if len(kinds) != len(items):
            return text
        return [from_text(each, item) for each, item in zip(kinds, items, strict=True)]
    if origin is Mapping:
        pairs = [item.rpartition("=") for item in items]
        named = all(name for name, _, _ in pairs)
        table = {name.strip(): from_text(arguments[1], rest) for name, _, rest in pairs}
        return table if named else text
    if kind is bool:
        return {"true": True, "false": False}.get(text.lower(), text)
    if kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            return text
    return text


def _flat(owner: Any, mapping: Any, where: str, above: str = "") -> Iterator[tuple[str, Any]]:
    """Yield what nested tables hold, by dotted keys. Raises BadValue for a section that is none."""
    if not isinstance(mapping, Mapping):
        raise BadValue(above.rstrip("."), mapping, "a table", where)
    hints = get_type_hints(owner)
    for name, value in mapping.items():
        if is_dataclass(hints.get(name)):
            yield from _flat(hints[name], value, where, f"{above}{name}.")
        else:  # a name with dots is in quotes, as in a file: it is none of a section's option
            yield f"{above}{json.dumps(name) if '.' in name else name}", value


def _changed(instance: Settings, changes: Mapping[str, Any], where: str) -> Settings:
    """Return the settings with options replaced by values as files have them."""
    types = {option.key: option.type for option in options(instance)}
    for key in changes:
        if key not in types:
            raise UnknownOption(where, key, tuple(types))
    checked = {key: _checked(types[key], value, key, where) for key, value in changes.items()}
    changed: Settings = _replaced(instance, checked, where)
    return changed


def _replaced(instance: Any, changes: Mapping[str, Any], where: str, above: str = "") -> Any:
    values = {}
    for field in fields(instance):
        key, value = f"{above}{field.name}", getattr(instance, field.name)
        is_section = is_dataclass(value)
        values[field.name] = (
            _replaced(value, changes, where, f"{key}.") if is_section else changes.get(key, value)
        )
    try:
        return type(instance)(**values)
    except BadValue as error:
        raise BadValue(f"{above}{error.key}", error.value, error.wanted, where) from None


def _checked(kind: Any, value: Any, key: str, where: str) -> Any:
    """Return the value of an option as its type has it. Raises BadValue."""
    origin, arguments = get_origin(kind), get_args(kind)
    wanted = wanted_of(kind)
    if origin is Literal:
        if any(type(value) is type(each) and value == each for each in arguments):
            return value
    elif origin is tuple and isinstance(value, list | tuple):
        kinds = arguments[:1] * len(value) if Ellipsis in arguments else arguments
        if len(kinds) == len(value):
            pairs = zip(kinds, value, strict=True)
            return tuple(_checked(each, item, key, where) for each, item in pairs)
    elif origin is Mapping and isinstance(value, Mapping):
        for name, item in value.items():
            if isinstance(item, Mapping):
                example = f'"{name}.{next(iter(item), "name")}"'
                wanted = f"a number; write a name with dots in quotes, as {example}"
                raise BadValue(f"{key}.{name}", item, wanted, where)
        return {n: _checked(arguments[1], each, f"{key}.{n}", where) for n, each in value.items()}
    elif kind is float and type(value) in (int, float):
        if -LARGEST <= value <= LARGEST:  # nor is NaN; an integer may be beyond any float
            return float(value)
        wanted = "a finite number"
    elif type(value) is kind:
        return value
    raise BadValue(key, value, wanted, where)


def _plain(kind: Any, value: Any) -> Any:
    if is_dataclass(kind):
        return to_mapping(value)
    if get_origin(kind) is tuple:
        return [_plain(get_args(kind)[0], item) for item in value]
    if get_origin(kind) is Mapping:
        return {name: _plain(get_args(kind)[1], item) for name, item in value.items()}
    return float(value) if kind is float else value


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else repr(value)
