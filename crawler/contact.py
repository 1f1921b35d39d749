"""How the crawler introduces itself."""

from importlib.metadata import PackageNotFoundError, metadata

DISTRIBUTION = "elixir-corpus"


def user_agent(contact: str | None) -> str:
    """Name the crawler, its version and whom to write to: an address or a page."""
    whom = contact or project_page()
    return f"{DISTRIBUTION}/{version()}" + (f" (+{whom})" if whom else "")


def version() -> str:
    """Return the installed version, or "0" in a tree that was never installed."""
    try:
        return metadata(DISTRIBUTION)["Version"]
    except PackageNotFoundError:
        return "0"


def project_page() -> str | None:
    """Return the first address that the distribution's metadata names, if any."""
    try:
        addresses = metadata(DISTRIBUTION).get_all("Project-URL") or []
    except PackageNotFoundError:
        return None
    return next((entry.partition(", ")[2] for entry in addresses), None)
