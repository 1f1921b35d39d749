"""The check of a card's metadata, as the Hub's documentation states what it takes.

The Hub's own code for /api/validate-yaml is not public. What is here is from public sources: the
specification of dataset cards in huggingface/hub-docs, the values that huggingface_hub documents
for `DatasetCardData`, and the licence identifiers of the page "Licenses".
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

import yaml

FRONT = re.compile(r"\A---\n(.*?\n)---\n", re.DOTALL)
LICENSES = """
apache-2.0 mit openrail bigscience-openrail-m creativeml-openrail-m bigcode-openrail-m
afl-3.0 artistic-2.0 bsl-1.0 bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear c-uda cc
cc0-1.0 cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc-by-nc-2.0
cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nd-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0
cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 cdla-sharing-1.0 cdla-permissive-1.0 cdla-permissive-2.0
wtfpl ecl-2.0 epl-1.0 epl-2.0 etalab-2.0 eupl-1.1 eupl-1.2 agpl-3.0 gfdl gpl gpl-2.0
gpl-3.0 lgpl lgpl-2.1 lgpl-3.0 isc intel-research lppl-1.3c ms-pl apple-ascl mpl-2.0
odc-by odbl openrail++ osl-3.0 postgresql ofl-1.1 ncsa unlicense zlib pddl lgpl-lr
deepfloyd-if-license fair-noncommercial-research-license llama2 llama3 llama3.1 llama3.2
llama3.3 llama4 gemma unknown other
"""
LANGUAGE = re.compile(r"[a-z]{2,3}|code|multilingual")
LICENSE_LINK = re.compile(r"LICENSE(\.md)?|https?://\S+")
SIZES = """
n<1K 1K<n<10K 10K<n<100K 100K<n<1M 1M<n<10M 10M<n<100M 100M<n<1B 1B<n<10B 10B<n<100B
100B<n<1T n>1T other
"""
CREATORS = frozenset({"found", "crowdsourced", "expert-generated", "machine-generated", "other"})
TASKS = frozenset({"text-generation", "text-classification", "fill-mask", "question-answering"})
"""Those of the Hub's list that are about text and that a card of ours could name."""
TASK_IDS = frozenset({"language-modeling", "dialogue-modeling"})
STRINGS: dict[str, Callable[[str], object]] = {
    "language": LANGUAGE.fullmatch,
    "size_categories": SIZES.split().__contains__,
    "annotations_creators": (CREATORS | {"no-annotation"}).__contains__,
    "language_creators": CREATORS.__contains__,
    "source_datasets": re.compile(r"original|extended|[\w.-]+(/[\w.-]+)?").fullmatch,
    "task_categories": TASKS.__contains__,
    "task_ids": TASK_IDS.__contains__,
    "tags": re.compile(r"\S[^\n]{0,100}").fullmatch,
}
"""What each value of a list has to be."""
NAME = re.compile(r"[\w.-]{1,96}")
SPLIT = re.compile(r"\w+(\.\w+)*")


def metadata_errors(content: str, kind: str) -> list[str]:
    """Return what is wrong with the metadata of a card; `kind` is model or dataset."""
    front = FRONT.match(content)
    if not front:
        return ["there is no metadata block"]
    try:
        found = yaml.safe_load(front[1])
    except yaml.YAMLError as error:
        return [f"not YAML: {error}"]
    if not isinstance(found, dict):
        return ["the metadata is no mapping"]
    license = found.get("license")
    if license is None:
        return ['"license" is required']
    if kind == "model":
        return []
    return [*license_errors(found), *list_errors(found), *config_errors(found), *info_errors(found)]


def license_errors(found: dict[str, Any]) -> Iterator[str]:
    """Yield what is wrong with the licence."""
    licenses = found["license"] if isinstance(found["license"], list) else [found["license"]]
    if not set(map(str, licenses)) <= set(LICENSES.split()):
        yield '"license" must be one of the licence identifiers'
    if "other" in licenses and not NAME.fullmatch(str(found.get("license_name", ""))):
        yield '"license_name" must be an identifier'
    if not LICENSE_LINK.fullmatch(str(found.get("license_link", "LICENSE"))):
        yield '"license_link" must be LICENSE, LICENSE.md or an address'
    if not isinstance(found.get("pretty_name", ""), str):
        yield '"pretty_name" must be a string'


def list_errors(found: dict[str, Any]) -> Iterator[str]:
    """Yield what is wrong with lists of words."""
    for key, is_valid in STRINGS.items():
        values = found.get(key, [])
        listed = values if isinstance(values, list) else [values]
        wrong = [value for value in listed if not isinstance(value, str) or not is_valid(value)]
        if wrong:
            yield f'"{key}" has {wrong[0]!r}'


def config_errors(found: dict[str, Any]) -> Iterator[str]:
    """Yield what is wrong with the configurations."""
    configs = found.get("configs", [])
    names = [each.get("config_name") for each in configs]
    if len(set(names)) != len(names) or not all(NAME.fullmatch(str(name)) for name in names):
        yield '"configs" must have distinct names'
    if sum(each.get("default", False) for each in configs) > 1:
        yield '"configs" has more than one default'
    for each in configs:
        for file in each.get("data_files", []):
            if not SPLIT.fullmatch(str(file.get("split"))) or not isinstance(file.get("path"), str):
                yield f'"configs" has a file without split or path: {file!r}'


def info_errors(found: dict[str, Any]) -> Iterator[str]:
    """Yield what is wrong with sizes and features."""
    told = found.get("dataset_info", [])
    for each in told if isinstance(told, list) else [told]:
        numbers = [each.get("download_size", 0), each.get("dataset_size", 0)]
        for split in each.get("splits", []):
            numbers += [split.get("num_bytes", 0), split.get("num_examples", 0)]
        if not all(isinstance(number, int) and number >= 0 for number in numbers):
            yield '"dataset_info" has a size that is no number'
        if not all(map(is_feature, each.get("features", []))):
            yield '"dataset_info" has a feature without name or type'


def is_feature(told: Any) -> bool:
    """Say whether a column is told as `datasets` writes it."""
    kinds: dict[str, Callable[[Any], bool]] = {
        "dtype": lambda inner: isinstance(inner, str | dict),
        "struct": lambda inner: isinstance(inner, list) and all(map(is_feature, inner)),
        "list": lambda inner: isinstance(inner, str | dict) or all(map(is_feature, inner)),
        "sequence": lambda inner: isinstance(inner, str | dict) or all(map(is_feature, inner)),
    }
    given = [kind for kind in kinds if kind in told]
    return isinstance(told.get("name"), str) and len(given) == 1 and kinds[given[0]](told[given[0]])
