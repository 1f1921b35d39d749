from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from train.options import (
    BadValue,
    UnknownOption,
    build,
    options,
    override,
    require,
    to_mapping,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sail:
    area: float = 20.0
    reefs: int = 2

    def __post_init__(self) -> None:
        require(self.area > 0, "area", self.area, "above 0")


@dataclass(frozen=True, kw_only=True, slots=True)
class Boat:
    name: str = "Aurora"
    rig: Literal["sloop", "ketch"] = "sloop"
    afloat: bool = True
    crew: tuple[str, ...] = ("Ada",)
    position: tuple[float, float] = (0.0, 0.0)
    stores: Mapping[str, float] = field(default_factory=dict)
    main: Sail = Sail()
    storm: Sail = Sail(area=4.0, reefs=0)


def test_what_is_left_out_keeps_the_default_that_stands_there() -> None:
    built = build(Boat, {"storm": {"reefs": 1}, "main": {}}, "boat.toml")
    assert built == Boat(storm=Sail(area=4.0, reefs=1), main=Sail(area=20.0, reefs=2))


def test_a_whole_mapping_is_read() -> None:
    built = build(
        Boat,
        {
            "name": "Brise",
            "rig": "ketch",
            "afloat": False,
            "crew": ["Grace", "Edsger"],
            "position": [54, 10.5],
            "stores": {"water.fresh": 80},
        },
        "boat.toml",
    )
    assert built.crew == ("Grace", "Edsger")
    assert built.position == (54.0, 10.5)
    assert built.stores == {"water.fresh": 80.0}
    assert type(built.position[0]) is float


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({"nane": "x"}, "boat.toml: there is no option nane. Did you mean name?"),
        ({"main": {"reef": 1}}, "boat.toml: there is no option main.reef. Did you mean main.reefs"),
        ({"area": 3.0}, "there is no option area. Did you mean main.area or storm.area?"),
        ({"main.reefs": 1}, 'there is no option "main.reefs". Did you mean main.reefs'),
        ({"main": {"main.reefs": 1}}, 'there is no option main."main.reefs".'),
        ({"engine": {}}, "there is no option engine. There are name, rig, afloat, crew, posit"),
    ],
)
def test_an_unknown_key_is_named_with_its_place_and_near_matches(
    mapping: dict[str, Any], message: str
) -> None:
    with pytest.raises(UnknownOption) as caught:
        build(Boat, mapping, "boat.toml")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        ({"name": 3}, "name is 3, but must be text"),
        ({"afloat": 1}, "afloat is 1, but must be true or false"),
        ({"rig": "slop"}, "rig is 'slop', but must be one of sloop, ketch"),
        ({"crew": "Ada"}, "crew is 'Ada', but must be a list, each text"),
        ({"crew": ["Ada", 3]}, "crew is 3, but must be text"),
        ({"position": [1.0]}, "position is [1.0], but must be a list of 2, each a number"),
        ({"stores": {"rum": "much"}}, "stores.rum is 'much', but must be a number"),
        ({"stores": 3}, "stores is 3, but must be a table, each value a number"),
        ({"main": 3}, "main is 3, but must be a table"),
        ({"main": {"area": "20"}}, "main.area is '20', but must be a number"),
        ({"main": {"area": True}}, "main.area is true, but must be a number"),
        ({"main": {"area": float("nan")}}, "main.area is nan, but must be a finite number"),
        ({"main": {"reefs": 2.0}}, "main.reefs is 2.0, but must be an integer"),
        ({"main": {"reefs": True}}, "main.reefs is true, but must be an integer"),
        ({"storm": {"area": -1}}, "storm.area is -1.0, but must be above 0"),
    ],
)
def test_nothing_is_silently_converted(mapping: dict[str, Any], message: str) -> None:
    with pytest.raises(BadValue) as caught:
        build(Boat, mapping, "boat.toml")
    assert str(caught.value) == f"boat.toml: {message}."


def test_a_name_with_dots_that_lost_its_quotes_is_explained() -> None:
    with pytest.raises(BadValue, match=r'dots in quotes, as "water\.fresh"'):
        build(Boat, {"stores": {"water": {"fresh": 80}}}, "boat.toml")


def test_options_are_overridden_by_text() -> None:
    changed = override(
        Boat(),
        {
            "main.area": "1e1",
            "storm.reefs": "3",
            "afloat": "False",
            "crew": "Grace, Edsger",
            "position": "54,10.5",
            "stores": "rum=2,water.fresh=80",
        },
    )
    assert changed == Boat(
        main=Sail(area=10.0),
        storm=Sail(area=4.0, reefs=3),
        afloat=False,
        crew=("Grace", "Edsger"),
        position=(54.0, 10.5),
        stores={"rum": 2.0, "water.fresh": 80.0},
    )


def test_options_are_overridden_by_values_as_files_have_them() -> None:
    changed = override(Boat(), {"main.area": 10, "crew": ["Grace"], "afloat": False})
    assert changed == Boat(main=Sail(area=10.0), crew=("Grace",), afloat=False)


def test_an_empty_text_empties_a_list_and_a_table() -> None:
    changed = override(Boat(stores={"rum": 1.0}), {"crew": "", "stores": ""})
    assert (changed.crew, changed.stores) == ((), {})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"main.reefs": "two"}, "main.reefs is 'two', but must be an integer"),
        ({"main.reefs": "2.5"}, "main.reefs is '2.5', but must be an integer"),
        ({"main.area": "inf"}, "main.area is inf, but must be a finite number"),
        ({"afloat": "perhaps"}, "afloat is 'perhaps', but must be true or false"),
        ({"position": "1,2,3"}, "position is '1,2,3', but must be a list of 2, each a number"),
        ({"stores": "rum"}, "stores is 'rum', but must be a table, each value a number"),
        ({"main.area": "-3"}, "main.area is -3.0, but must be above 0"),
    ],
)
def test_a_text_that_says_nothing_of_its_type_is_refused(
    changes: dict[str, str], message: str
) -> None:
    with pytest.raises(BadValue) as caught:
        override(Boat(), changes)
    assert str(caught.value) == f"command line: {message}."


def test_a_section_is_no_option() -> None:
    with pytest.raises(UnknownOption, match=r"no option main\. Did you mean main.area or main.re"):
        override(Boat(), {"main": "3"})


def test_options_are_listed_by_their_dotted_keys() -> None:
    assert [option.key for option in options(Boat())] == [
        "name",
        "rig",
        "afloat",
        "crew",
        "position",
        "stores",
        "main.area",
        "main.reefs",
        "storm.area",
        "storm.reefs",
    ]


sails = st.builds(Sail, area=st.floats(0.1, 1e9), reefs=st.integers())


@given(
    st.builds(
        Boat,
        name=st.text(),
        rig=st.sampled_from(["sloop", "ketch"]),
        afloat=st.booleans(),
        crew=st.lists(st.text()).map(tuple),
        position=st.tuples(st.floats(-90, 90), st.floats(-180, 180)),
        stores=st.dictionaries(st.text(), st.floats(allow_nan=False, allow_infinity=False)),
        main=sails,
        storm=sails,
    )
)
def test_settings_survive_being_a_mapping(boat: Boat) -> None:
    assert build(Boat, to_mapping(boat), "mapping") == boat
