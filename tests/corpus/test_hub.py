import httpx
import pytest
from huggingface_hub.errors import HfHubHTTPError

from corpus.hub import HUB_NAME, Refusal, refusal, said


def refused(status: int, told: str, **headers: str) -> HfHubHTTPError:
    request = httpx.Request("POST", "http://127.0.0.1/api")
    response = httpx.Response(status, headers=headers, request=request)
    return HfHubHTTPError("status", response=response, server_message=told)


def test_a_refusal_has_status_sentence_and_wait() -> None:
    error = refused(429, "Too\n  many", **{"Retry-After": "30"})
    assert refusal(error) == Refusal(429, "Too many.", "30")


def test_the_cause_of_a_failed_upload_is_told() -> None:
    error = RuntimeError("Error while uploading 'a' to the Hub.")
    error.__cause__ = refused(403, "Storage quota exceeded")
    assert refusal(error) == Refusal(403, "Storage quota exceeded.")


def test_a_broken_connection_has_no_status() -> None:
    assert refusal(httpx.ConnectError("[Errno 111] Connection refused")) == Refusal(
        None, "[Errno 111] Connection refused."
    )
    assert refusal(KeyError()).message == "KeyError."


def test_what_the_hub_says_is_cut() -> None:
    assert len(said("a" * 10_000)) < 600
    assert said("Why?") == "Why?"


@pytest.mark.parametrize("name", ["tiny", "a/b/c", "a/../b", "/a", "a/", "a b/c", "https://x/y"])
def test_a_repository_has_an_owner_and_a_name(name: str) -> None:
    assert HUB_NAME.fullmatch("you/elixir-corpus")
    assert not HUB_NAME.fullmatch(name)
