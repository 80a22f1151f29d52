"""TLS for tests: a certificate of their own, both contexts, and both ends of a stream in memory."""

from __future__ import annotations

import datetime
import ssl
from pathlib import Path
from typing import Any

import trio
import trio.testing
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from traderd.runtime.env import secure
from traderd.runtime.raw_reads import RawReads


def tls_contexts(directory: Path, host: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return the server's and the client's context; the client trusts nobody but this server."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    begin = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    certificate = (
        x509
        .CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begin)
        .not_valid_after(begin + datetime.timedelta(days=36_500))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = directory / "tls.pem"
    pem.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(pem)
    return server, ssl.create_default_context(cafile=str(pem))


async def secured_ends(
    directory: Path, host: str
) -> tuple[trio.SSLStream[RawReads], trio.SSLStream[Any]]:
    """Return the client's end after its handshake and the server's.

    What belongs to the handshake has come: a greeting was read after it.
    """
    server_context, client_context = tls_contexts(directory, host)
    ours, theirs = trio.testing.memory_stream_pair()
    server = trio.SSLStream(theirs, server_context, server_side=True)
    ends: list[trio.SSLStream[RawReads]] = []

    async def connect() -> None:
        ends.append(await secure(ours, client_context, host))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(connect)
        nursery.start_soon(server.do_handshake)
    await server.send_all(b"hello")
    assert await ends[0].receive_some(65_536) == b"hello"
    return ends[0], server
