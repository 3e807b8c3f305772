"""Certificates for a test: of an authority of its own, good and bad ones, made when they are asked for."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = datetime.timedelta(days=1)


@dataclass(frozen=True)
class Authority:
    """Signs certificates; `file` is its own, in PEM."""

    folder: Path
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def file(self) -> Path:
        return self.folder / "authority.pem"

    def context(self, host: str, *, days: tuple[int, int] = (-1, 30), is_self_signed: bool = False) -> ssl.SSLContext:
        """Return what a server needs to speak for a host, from so many days from now to so many."""
        key = ec.generate_private_key(ec.SECP256R1())
        own = _name(host)
        issuer, signer = (own, key) if is_self_signed else (self.certificate.subject, self.key)
        try:
            spoken_for: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(host))
        except ValueError:
            spoken_for = x509.DNSName(host)
        made = _builder(own, issuer, key, days).add_extension(x509.SubjectAlternativeName([spoken_for]), critical=False)
        file = self.folder / f"{host}-{days[1]}-{is_self_signed}.pem"
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        file.write_bytes(private + made.sign(signer, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context


def authority(folder: Path) -> Authority:
    """Return a new authority that keeps its files in a folder."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("an authority of a test")
    made = _builder(name, name, key, (-400, 400)).add_extension(x509.BasicConstraints(True, None), critical=True)
    certificate = made.sign(key, hashes.SHA256())
    signer = Authority(folder, key, certificate)
    signer.file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return signer


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, days: tuple[int, int]
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + days[0] * DAY)
        .not_valid_after(now + days[1] * DAY)
    )
