"""Who calls the interface for programs: they have no project, so that addresses tell them apart."""

from __future__ import annotations

import ipaddress

from veason.libraries import library_imports

with library_imports():
    import gradio as gr

_NETWORK_BITS = 64
"""One household or office has so many bits of an IPv6 address; the rest it chooses as it likes."""


def program_of(request: gr.Request | None) -> str:
    """Return who a call of a program comes from, for its turn in the line."""
    client = None if request is None else request.client
    return f"program {network_of(client.host)}" if client is not None else "program"


def network_of(host: str) -> str:
    """Return the address that a household or office shares; what is no address stays as it is.

    >>> network_of("192.0.2.7"), network_of("2001:db8::1"), network_of("testclient")
    ('192.0.2.7', '2001:db8::/64', 'testclient')
    """
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if address.version == 4:
        return str(address)
    return str(ipaddress.ip_network((int(address), _NETWORK_BITS), strict=False))
