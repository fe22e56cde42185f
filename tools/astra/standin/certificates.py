"""The stand-in's own authority, and TLS as its servers speak it. Keys lie in the folder that we are given, nowhere else."""

from __future__ import annotations

import os
import ssl
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from testcluster import NodeError, java
from testcluster import certificates as files

CLIENTS = ("client", "foreign-client")


class Authority:
    """The certificates that testcluster.certificates lists, for one host name."""

    def __init__(self, folder: Path, host: str) -> None:
        self.folder = folder
        files.make(folder, [host])
        self._contexts = {name: self._server(name) for name in files.SERVERS}

    def server(self, certificate: str) -> ssl.SSLContext:
        """For a server that shows this certificate (a name from SERVERS) and wants one that we signed."""
        return self._contexts[certificate]

    def server_that_asks(self, choose: Callable[..., int | None]) -> ssl.SSLContext:
        """For a server that decides on its certificate at each handshake; see ssl.SSLContext.sni_callback."""
        context = self._server("server")
        context.sni_callback = choose
        return context

    def client(self) -> ssl.SSLContext:
        """For a client that trusts us and shows its certificate."""
        context = ssl.create_default_context(cafile=str(self.folder / "ca.pem"))
        context.load_cert_chain(self.folder / "client.pem", self.folder / "client.key")
        return context

    def read(self, name: str) -> bytes:
        return (self.folder / name).read_bytes()

    def pkcs12(self, client: str, password: str) -> bytes:
        """Key and certificate of a client, and who signed it."""
        command = [
            "openssl",
            "pkcs12",
            "-export",
            "-inkey",
            f"{client}.key",
            "-in",
            f"{client}.pem",
        ]
        return self._run([*command, "-certfile", "ca.pem", "-passout", "env:PASSWORD"], password)

    def trust_store(self, password: str) -> bytes:
        """Our authority as Java wants it. (It reads `pkcs12` as the other store.)"""
        keytool = Path(java.find_java()).resolve().parent / "keytool"
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            store = Path(folder) / "store"
            command = [str(keytool), "-importcert", "-noprompt", "-alias", "ca", "-file", "ca.pem"]
            command += ["-storetype", "JKS", "-keystore", str(store), "-storepass:env", "PASSWORD"]
            self._run(command, password)
            return store.read_bytes()

    def _server(self, name: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(self.folder / "ca.pem")
        context.load_cert_chain(self.folder / f"{name}-with-key.pem")
        return context

    def _run(self, command: list[str], password: str) -> bytes:
        environment = {**os.environ, "PASSWORD": password}
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True)
        if done.returncode != 0:
            raise NodeError(f"{command[0]} failed.\n{done.stderr.decode(errors='replace')[-2000:]}")
        return done.stdout
