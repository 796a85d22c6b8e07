"""Internet addresses as they are written down and counted."""

from __future__ import annotations

import ipaddress


def plain(raw: str) -> str | None:
    """Return an address in its usual form, IPv4 as such and without a zone; None for what is none."""
    try:
        parsed = ipaddress.ip_address(raw.strip().partition("%")[0])
    except ValueError:
        return None
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return str(mapped or parsed)


def network_of(address: str) -> str:
    """Return what counts as one address: one subscriber has a whole /64 of IPv6. Raises ValueError for none at all."""
    parsed = ipaddress.ip_address(address)
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is None:
        return str(ipaddress.ip_network(f"{address}/64", strict=False))
    return str(parsed)
