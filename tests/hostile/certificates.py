"""Certificates that are wrong in the ways in which certificates go wrong, and one that is right."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

DAY = timedelta(days=1)


class Authority:
    """Signs certificates for "localhost"; *file* is the PEM that a client must trust."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self._folder, self._name = folder, name
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.file = folder / f"{name}.pem"
        own = self._builder(name, key=self._key, ends=DAY)
        basic = x509.BasicConstraints(ca=True, path_length=0)
        signed = own.add_extension(basic, critical=True).sign(self._key, SHA256())
        self.file.write_bytes(signed.public_bytes(Encoding.PEM))

    def server(self, host: str = "localhost", *, ends: timedelta = DAY) -> ssl.SSLContext:
        """Return what a server needs that says it is *host* until *ends* from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        named = x509.SubjectAlternativeName([x509.DNSName(host)])
        signed = self._builder(host, key=key, ends=ends).add_extension(named, critical=False).sign(self._key, SHA256())
        chain = self._folder / f"{self._name}-{host}-{ends.total_seconds()}.pem"
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        chain.write_bytes(private + signed.public_bytes(Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain)
        return context

    def _builder(self, subject: str, *, key: ec.EllipticCurvePrivateKey, ends: timedelta) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(_called(subject))
            .issuer_name(_called(self._name))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - 2 * DAY)
            .not_valid_after(now + ends)
        )


def _called(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])
