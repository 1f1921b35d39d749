"""Checks of bounds in a configuration, with one error message for each."""


def check_least(least: int, config: object, *names: str) -> None:
    """Raise ValueError unless the named numbers of a configuration are at least `least`."""
    for name in names:
        value = getattr(config, name)
        if not value >= least:
            raise ValueError(f"{name} is {value}; it must be at least {least}")


def check_fractions(config: object, *names: str) -> None:
    """Raise ValueError unless the named numbers of a configuration are from 0 to 1."""
    for name in names:
        value = getattr(config, name)
        if not 0 <= value <= 1:
            raise ValueError(f"{name} is {value}; it is a fraction: at least 0, at most 1")


def check_order(config: object, shortest: str, longest: str) -> None:
    """Raise ValueError unless the first length is from 0 to the second."""
    check_least(0, config, shortest)
    least, most = getattr(config, shortest), getattr(config, longest)
    if least > most:
        raise ValueError(
            f"{shortest} is {least} and {longest} is {most}; no length is between them"
        )
