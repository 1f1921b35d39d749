"""The User-Agent of the crawler."""

from importlib.metadata import PackageNotFoundError, metadata
from ipaddress import ip_address
from urllib.parse import urlsplit

DISTRIBUTION = "elixir-corpus"


def user_agent(contact: str | None) -> str:
    """Return the crawler, its version and a contact: an address or a page."""
    whom = contact or project_page()
    return f"{DISTRIBUTION}/{version()}" + (f" (+{whom})" if whom else "")


def advice(agent: str, url: str) -> str | None:
    """Return a warning if a User-Agent has no contact and `url` is another's server, else None."""
    host = urlsplit(url).hostname or ""
    if "(+" in agent or "@" in agent or is_loopback(host):
        return None
    return (
        f"The User-Agent has no contact for the operators of {host}. Set "
        "CRAWLER_CONTACT to your address or page, such as CRAWLER_CONTACT=you@example.org."
    )


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


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
