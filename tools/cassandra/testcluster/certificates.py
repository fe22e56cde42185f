"""Certificates for tests, made by openssl(1): good ones, and bad ones that a client must refuse.

    ca.pem, ca.key             our own authority
    server.pem, .key           for the given addresses and localhost
    client.pem, .key           what a client shows
    expired.pem, .key          a server's, our authority's, past its time
    other-name.pem, .key       a server's, our authority's, for another name
    foreign-ca.pem, .key       an authority that nobody trusts
    foreign.pem, .key          a server's, for the right names, by that authority
    foreign-client.pem, .key   a client's by that authority

Each server's NAME-with-key.pem holds certificate and key in one file, as Cassandra reads them.
"""

from __future__ import annotations

import ipaddress
import os
import shutil
import subprocess
from datetime import datetime, timedelta, timezone
from pathlib import Path

from .errors import NodeError

SERVERS = ("server", "expired", "other-name", "foreign")
DAYS = 3650
OTHER_NAME = "other.example"

CONFIGURATION = """\
[req]
distinguished_name = subject
prompt = no
[subject]
CN = $ENV::NAME
[ca]
default_ca = authority
[authority]
database = $ENV::FOLDER/index.txt
new_certs_dir = $ENV::FOLDER
rand_serial = yes
default_md = sha256
unique_subject = no
policy = any
[any]
commonName = supplied
[of_authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[of_server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = $ENV::ALTERNATIVES
[of_client]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = clientAuth
"""


def make(folder: Path, names: list[str]) -> None:
    """Make all of them, unless they are there for the same names and still good for a day."""
    stamp = folder / "names.txt"
    wanted = "\n".join(names)
    if stamp.exists() and stamp.read_text() == wanted and _is_fresh(folder / "server.pem"):
        return
    if folder.exists() and not stamp.exists() and any(folder.iterdir()):
        raise NodeError(f"{folder} holds other things than certificates of ours.")
    fresh = folder.with_name(folder.name + ".new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    _fill(fresh, names)
    (fresh / stamp.name).write_text(wanted)
    shutil.rmtree(folder, ignore_errors=True)
    fresh.rename(folder)


def _fill(folder: Path, names: list[str]) -> None:
    maker = _Maker(folder)
    for authority in ("ca", "foreign-ca"):
        maker.authority(authority)
    maker.sign("server", "ca", "server", names)
    maker.sign("expired", "ca", "server", names, until=-1)
    maker.sign("other-name", "ca", "server", [OTHER_NAME])
    maker.sign("foreign", "foreign-ca", "server", names)
    maker.sign("client", "ca", "client", [])
    maker.sign("foreign-client", "foreign-ca", "client", [])
    for name in SERVERS:
        both = folder / f"{name}-with-key.pem"
        both.touch(mode=0o600)
        both.write_text((folder / f"{name}.key").read_text() + (folder / f"{name}.pem").read_text())
    maker.tidy()


def alternative(name: str) -> str:
    """A name as subjectAltName has it: an address is matched as an address only."""
    try:
        return f"IP:{ipaddress.ip_address(name)}"
    except ValueError:
        return f"DNS:{name}"


def _is_fresh(certificate: Path) -> bool:
    command = ["openssl", "x509", "-checkend", "86400", "-noout", "-in", str(certificate)]
    return subprocess.run(command, capture_output=True).returncode == 0


class _Maker:
    """Runs openssl in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.configuration = folder / "openssl.cnf"
        self.configuration.write_text(CONFIGURATION)
        (folder / "index.txt").touch()

    def authority(self, name: str) -> None:
        self._openssl(
            name,
            *["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc"],
            *["-days", str(DAYS), "-extensions", "of_authority"],
            *["-keyout", f"{name}.key", "-out", f"{name}.pem"],
        )

    def sign(
        self, name: str, authority: str, role: str, names: list[str], until: int = DAYS
    ) -> None:
        """A key and its certificate, valid until so many days from now (and for a year before)."""
        now = datetime.now(timezone.utc)
        times = [f"{now + timedelta(days=d):%Y%m%d%H%M%SZ}" for d in (-365, until)]
        self._openssl(
            name,
            *["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc"],
            *["-keyout", f"{name}.key", "-out", f"{name}.request"],
            names=names,
        )
        self._openssl(
            name,
            *[
                "ca",
                "-batch",
                "-notext",
                "-cert",
                f"{authority}.pem",
                "-keyfile",
                f"{authority}.key",
            ],
            *["-startdate", times[0], "-enddate", times[1], "-extensions", f"of_{role}"],
            *["-in", f"{name}.request", "-out", f"{name}.pem"],
            names=names,
        )

    def tidy(self) -> None:
        """Remove openssl's own notes."""
        for pattern in ("*.request", "index.txt*", "openssl.cnf"):
            for path in self.folder.glob(pattern):
                path.unlink()
        for path in self.folder.glob("*.pem"):
            if len(path.stem) == 40:  # new_certs_dir gets a copy of each, named by its serial
                path.unlink()

    def _openssl(self, name: str, *words: str, names: list[str] | None = None) -> None:
        if shutil.which("openssl") is None:
            raise NodeError("openssl makes the certificates, and was not found.")
        alternatives = ",".join(alternative(n) for n in names or ["localhost"])
        done = subprocess.run(
            ["openssl", words[0], "-config", self.configuration.name, *words[1:]],
            cwd=self.folder,
            env={**os.environ, "NAME": f"test {name}", "FOLDER": ".", "ALTERNATIVES": alternatives},
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            raise NodeError(f"openssl could not make {name}.\n{done.stderr[-2000:]}")
