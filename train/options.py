"""Settings from plain mappings and back: strict about names, types and ranges.

Settings are frozen dataclasses with a default for every field. What a mapping leaves out keeps the
default that stands where the settings stand, which need not be the default of their class. Our own
because of that, and because importing pydantic takes 0.3 s, as long as all of `--help` does.
"""

import sys
from collections.abc import Iterable, Iterator, Mapping
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

    def __init__(self, where: str, key: str, near: tuple[str, ...], known: tuple[str, ...]) -> None:
        self.key = key
        self.near = near
        hint = f"Did you mean {' or '.join(near)}?" if near else f"There are {', '.join(known)}."
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
    built: Settings = _filled(settings(), mapping, _Place(where, settings))
    return built


def override(instance: Settings, changes: Mapping[str, Any], where: str = COMMAND_LINE) -> Settings:
    """Return the settings with options replaced, such as `{"adapter.rank": "16"}`.

    Texts are read as on a command line: lists are `a,b`, tables `a=1,b=2`, truth is true or false.
    Other values are taken as from a file. Hyphens in keys are underscores.
    Raises UnknownOption and BadValue.
    """
    place = _Place(where, type(instance))
    types = {option.key: option.type for option in options(instance)}
    nested: dict[str, Any] = {}
    for given, value in changes.items():
        key = given.replace("-", "_")
        if key not in types:
            raise _unknown(place, key, types)
        *sections, name = key.split(".")
        table = nested
        for section in sections:
            table = table.setdefault(section, {})
        table[name] = from_text(types[key], value) if isinstance(value, str) else value
    changed: Settings = _filled(instance, nested, place)
    return changed


def to_mapping(instance: Any) -> dict[str, Any]:
    """Return settings as dictionaries, lists and plain values; `build` gives the same settings."""
    hints = hints_of(type(instance))
    return {
        field.name: _plain(hints[field.name], getattr(instance, field.name))
        for field in fields(instance)
    }


def options(instance: Any, prefix: str = "") -> Iterator[Option]:
    """Yield every option of the settings, those of a section before those of its subsections."""
    owner = type(instance)
    hints = hints_of(owner)
    for field in sorted(fields(owner), key=lambda field: is_dataclass(hints[field.name])):
        key, value = f"{prefix}{field.name}", getattr(instance, field.name)
        if is_dataclass(hints[field.name]):
            yield from options(value, f"{key}.")
        else:
            yield Option(key, hints[field.name], owner, field.name, value)


def wanted_of(kind: Any) -> str:
    """Say in words what values a type has."""
    origin, arguments = get_origin(kind), get_args(kind)
    if is_dataclass(kind):
        return "a table"
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


def hints_of(owner: Any) -> dict[str, Any]:
    """Return the types of a class's fields."""
    return get_type_hints(owner)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in which settings a value stands."""

    where: str
    root: Any
    key: str = ""

    def below(self, name: str) -> "_Place":
        return _Place(self.where, self.root, f"{self.key}.{name}" if self.key else name)

    def refuse(self, value: object, wanted: str) -> BadValue:
        return BadValue(self.key, value, wanted, self.where)


def _filled(current: Any, mapping: Any, place: _Place) -> Any:
    """Return `current` with what the mapping names replaced."""
    owner = type(current)
    if not isinstance(mapping, Mapping):
        raise place.refuse(mapping, "a table")
    hints = hints_of(owner)
    names = [field.name for field in fields(owner)]
    values = {name: getattr(current, name) for name in names}
    for name, value in mapping.items():
        if name not in values:
            raise _unknown(place, place.below(name).key, (option.key for option in _of(place)))
        values[name] = _checked(hints[name], value, values[name], place.below(name))
    try:
        return owner(**values)
    except BadValue as error:
        raise place.below(error.key).refuse(error.value, error.wanted) from None


def _checked(kind: Any, value: Any, current: Any, place: _Place) -> Any:
    """Return the value as its type has it. Raises BadValue."""
    origin, arguments = get_origin(kind), get_args(kind)
    if is_dataclass(kind):
        return _filled(current, value, place)
    if origin is Literal:
        if not any(type(value) is type(each) and value == each for each in arguments):
            raise place.refuse(value, wanted_of(kind))
        return value
    if origin is tuple:
        return _tuple(kind, value, place)
    if origin is Mapping:
        return _table(kind, value, place)
    if kind is float and type(value) in (int, float):
        if not -LARGEST <= value <= LARGEST:  # nor is NaN; an integer may be beyond any float
            raise place.refuse(value, "a finite number")
        return float(value)
    if type(value) is not kind:
        raise place.refuse(value, wanted_of(kind))
    return value


def _tuple(kind: Any, value: Any, place: _Place) -> tuple[Any, ...]:
    arguments = get_args(kind)
    if not isinstance(value, list | tuple):
        raise place.refuse(value, wanted_of(kind))
    kinds = arguments[:1] * len(value) if Ellipsis in arguments else arguments
    if len(kinds) != len(value):
        raise place.refuse(value, wanted_of(kind))
    return tuple(_checked(each, item, None, place) for each, item in zip(kinds, value, strict=True))


def _table(kind: Any, value: Any, place: _Place) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise place.refuse(value, wanted_of(kind))
    if dotted := [name for name, item in value.items() if isinstance(item, Mapping)]:
        example = f'"{dotted[0]}.{next(iter(value[dotted[0]]), "name")}"'
        raise place.below(dotted[0]).refuse(
            value[dotted[0]], f"a number; write a name with dots in quotes, as {example}"
        )
    item_kind = get_args(kind)[1]
    return {
        name: _checked(item_kind, item, None, place.below(name)) for name, item in value.items()
    }


def _plain(kind: Any, value: Any) -> Any:
    if is_dataclass(kind):
        return to_mapping(value)
    if get_origin(kind) is tuple:
        return [_plain(get_args(kind)[0], item) for item in value]
    if get_origin(kind) is Mapping:
        return {name: _plain(get_args(kind)[1], item) for name, item in value.items()}
    return float(value) if kind is float else value


def _of(place: _Place) -> Iterator[Option]:
    return options(place.root())


def _unknown(place: _Place, key: str, known: Iterable[str]) -> UnknownOption:
    """Return the error with near matches: beside the key, below it, or of its name anywhere."""
    keys = tuple(known)
    section, _, name = key.rpartition(".")
    beside = {last_part(each): each for each in keys if each.rpartition(".")[0] == section}
    close = [beside[each] for each in get_close_matches(name, beside, 2)]
    below = [each for each in keys if each.startswith(f"{key}.")][:3]
    anywhere = [each for each in keys if last_part(each) == name]
    near = close or below or anywhere or get_close_matches(key, keys, 2)
    return UnknownOption(place.where, key, tuple(near), tuple(beside.values()))


def last_part(key: str) -> str:
    """Return the name of an option without its sections."""
    return key.rpartition(".")[2]


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else repr(value)
