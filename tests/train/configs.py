"""What config.json of Mistral's Devstral Small says of its shape."""

from typing import Any

from train.architecture import shipped

DEVSTRAL: dict[str, Any] = dict(shipped()["unsloth/Devstral-Small-2507"])
"""Of 2505 and 2507."""

DEVSTRAL_2512: dict[str, Any] = dict(shipped()["mistralai/Devstral-Small-2-24B-Instruct-2512"])
"""The same language model beside a vision tower, in the keys of the generation of 2512."""
