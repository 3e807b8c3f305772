"""Which certificates of model servers are trusted, and what to do about one that is not."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx2

from veason.errors import EndpointError

_EXPIRED, _NOT_YET_VALID = 10, 9
_OTHER_NAME = frozenset({62, 64})
_UNKNOWN_AUTHORITY = frozenset({2, 18, 19, 20, 21})
"""Codes of OpenSSL's X509_V_ERR_*."""

_NO_TLS = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG"})
"""What OpenSSL calls an answer that is no TLS."""


def trusted_certificates() -> ssl.SSLContext:
    """Return what is trusted: the system's authorities, or those of `SSL_CERT_FILE` or `SSL_CERT_DIR` in their place.

    Raises:
        EndpointError: such a file cannot be read.
    """
    try:
        return httpx2.create_ssl_context()
    except OSError as error:  # an SSLError is one
        name = next((one for one in ("SSL_CERT_FILE", "SSL_CERT_DIR") if os.environ.get(one)), "")
        named = f"{name}={os.environ[name]}" if name else "the system's authorities"
        raise EndpointError(f"cannot read certificates from {named} ({error}): name a file in PEM form") from error


def untrusted(address: str, error: BaseException) -> EndpointError | None:
    """Return what to do about a server with which no trusted connection came about, None if it is not about that."""
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return EndpointError(f"the certificate of {address} is not trusted: {_advice(address, cause)}")
        if isinstance(cause, ssl.SSLError) and cause.reason in _NO_TLS:
            plain = address.replace("https://", "http://", 1)
            return EndpointError(f"the server at {address} speaks no TLS: try {plain} on a network that you trust")
        if isinstance(cause, ssl.SSLError):
            return EndpointError(f"no TLS connection to {address} ({cause.reason or cause}): ask who runs it")
    return None


def _advice(address: str, error: ssl.SSLCertVerificationError) -> str:
    host = urlsplit(address).hostname
    if error.verify_code == _EXPIRED:
        return "it has expired; whoever runs the server has to renew it (or the clock of this machine is wrong)"
    if error.verify_code == _NOT_YET_VALID:
        return "it is not yet valid; is the clock of this machine right?"
    if error.verify_code in _OTHER_NAME:
        return f"it is for another name than {host}; give the address with a name that it is for"
    if error.verify_code in _UNKNOWN_AUTHORITY:
        return (
            f"nobody trusted signed it ({error.verify_message}). If the server is your own, start Veason with "
            "SSL_CERT_FILE=FILE, a PEM file with the certificate of its authority (or its own, where it signed itself)"
        )
    return error.verify_message


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
