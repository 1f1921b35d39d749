from pathlib import Path

from crawler.memory import RegistryCopy


def test_validators_come_back_to_the_server_that_gave_them_only(tmp_path: Path) -> None:
    RegistryCopy(tmp_path, "https://one.example").keep("versions", b"index", {"ETag": "x"})
    assert RegistryCopy(tmp_path, "https://one.example").conditions("versions") == {
        "If-None-Match": "x"
    }
    assert RegistryCopy(tmp_path, "https://two.example").conditions("versions") == {}
