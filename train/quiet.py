"""Keeping what libraries say while they load out of the way of what we say."""

import logging

LIBRARIES = ("accelerate", "bitsandbytes", "peft", "transformers")


def quieten() -> None:
    """Let libraries speak of errors only, and draw no bars of their own."""
    for name in LIBRARIES:
        logging.getLogger(name).setLevel(logging.ERROR)
    from transformers.utils import logging as bars

    bars.disable_progress_bar()
