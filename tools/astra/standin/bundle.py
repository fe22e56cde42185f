"""The secure connect bundle: a zip file with the names and the configuration of Astra's own.

config.json                        where the metadata service is; what the drivers read first
ca.crt, cert, key                  PEM: whom to trust, and who we are
cert.pfx                           the last two, for .NET
identity.jks, trustStore.jks       the same for Java
cqlshrc                            for cqlsh
"""

from __future__ import annotations

import io
import json
import secrets
import zipfile
from dataclasses import dataclass

from .certificates import Authority

CQLSHRC = """\
[connection]
hostname = {host}
port = {port}
ssl = true

[ssl]
validate = true
certfile = ./ca.crt
userkey = ./key
usercert = ./cert
"""


@dataclass(frozen=True)
class Place:
    """What config.json says of a database."""

    host: str
    port: int  # of the metadata service
    cql_port: int
    keyspace: str
    local_dc: str


def make(authority: Authority, place: Place, client: str = "client") -> bytes:
    """The zip file. client: whose certificate is in it; `foreign-client` is one that no server of ours takes."""
    passwords = {name: secrets.token_urlsafe(9) for name in ("keyStore", "trustStore", "pfxCert")}
    entries = {
        "ca.crt": authority.read("ca.pem"),
        "cert": authority.read(f"{client}.pem"),
        "key": authority.read(f"{client}.key"),
        "cert.pfx": authority.pkcs12(client, passwords["pfxCert"]),
        "identity.jks": authority.pkcs12(client, passwords["keyStore"]),
        "trustStore.jks": authority.trust_store(passwords["trustStore"]),
        "config.json": json.dumps(_config(place, passwords), indent=2).encode(),
        "cqlshrc": CQLSHRC.format(host=place.host, port=place.cql_port).encode(),
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return out.getvalue()


def _config(place: Place, passwords: dict[str, str]) -> dict[str, object]:
    return {
        "host": place.host,
        "port": place.port,
        "cql_port": place.cql_port,
        "keyspace": place.keyspace,
        "localDC": place.local_dc,
        "caCertLocation": "./ca.crt",
        "keyLocation": "./key",
        "certLocation": "./cert",
        "keyStoreLocation": "./identity.jks",
        "keyStorePassword": passwords["keyStore"],
        "trustStoreLocation": "./trustStore.jks",
        "trustStorePassword": passwords["trustStore"],
        "csvLocation": "./data",
        "pfxCertPassword": passwords["pfxCert"],
    }
