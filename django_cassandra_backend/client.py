"""dbshell."""

import configparser
import io
import os
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile

from django.core.management.base import CommandError
from django.db.backends.base.client import BaseDatabaseClient

from libcql.shell import URL_VARIABLE

from . import astra_options, cluster_options
from .options import read_options


class DatabaseClient(BaseDatabaseClient):
    executable_name = "cqlsh"

    @classmethod
    def settings_to_cmd_args_env(cls, settings_dict, parameters):
        """A database file and Astra DB have a shell of ours; a server has cqlsh. A password is on no command line: cqlsh
        gets it from runshell() in a file, our shell in the environment."""
        local = (settings_dict.get("OPTIONS") or {}).get("local")
        keyspace = ["--keyspace", settings_dict["NAME"]] if settings_dict.get("NAME") else []
        if local == ":memory:":
            raise CommandError(
                "A database in memory lives in its own process, where dbshell cannot reach it. "
                "Set OPTIONS['local'] to a file."
            )
        if local:
            return [sys.executable, "-m", "libcql", str(local), *keyspace, *parameters], None
        if astra_options.is_astra(settings_dict):
            options = read_options(settings_dict)
            shell = [sys.executable, "-m", "libcql", "--keyspace", options.keyspace]
            return [*shell, *parameters], {URL_VARIABLE: options.url}
        host, port = cluster_options.hosts(settings_dict)[0]
        tls = ["--ssl"] if _tls(settings_dict) is not None else []
        return [cls.executable_name, *tls, *parameters, *keyspace, host, str(port)], None

    def runshell(self, parameters):
        """cqlsh reads the credentials, and what it is to know of TLS, from files that nobody else can read."""
        settings_dict = self.connection.settings_dict
        if not self._has_cqlsh():
            return super().runshell(parameters)
        if shutil.which(self.executable_name) is None:
            raise CommandError(
                "cqlsh is not installed. `pip install cqlsh` brings it; `python -m libcql URL` is a shell without it."
            )
        args, _ = self.settings_to_cmd_args_env(settings_dict, parameters)
        with tempfile.TemporaryDirectory(prefix="cqlsh-") as folder:  # of mode 0700
            files = write_files(settings_dict, folder)
            self._run([args[0], *files, *args[1:]])
        return None

    def _has_cqlsh(self) -> bool:
        settings_dict = self.connection.settings_dict
        is_file = (settings_dict.get("OPTIONS") or {}).get("local")
        return not is_file and not astra_options.is_astra(settings_dict)

    def _run(self, args: list[str]) -> None:
        """As Django does for a shell: Ctrl-C is for the shell alone."""
        handler = signal.getsignal(signal.SIGINT)
        try:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            subprocess.run(args, check=True)
        finally:
            signal.signal(signal.SIGINT, handler)


def _tls(settings_dict: dict) -> dict | None:
    return cluster_options.tls_of(settings_dict.get("OPTIONS") or {})


def write_files(settings_dict: dict, folder: str) -> list[str]:
    """Put cqlshrc and a file of credentials into a folder, for the owner's eyes; the arguments that name them."""
    tls, arguments = _tls(settings_dict), []
    if tls is not None:
        arguments += ["--cqlshrc", _write(folder, "cqlshrc", {"ssl": _tls_section(tls)})]
    if user := settings_dict.get("USER"):
        section = {"username": user, "password": settings_dict.get("PASSWORD") or ""}
        if any(value != value.strip() or "\n" in value for value in section.values()):
            raise CommandError(
                "cqlsh cannot be given a USER or PASSWORD that begins or ends with a space."
            )
        file = _write(folder, "credentials", {"PlainTextAuthProvider": section})
        arguments += ["--credentials", file]
    return arguments


def _tls_section(tls: dict) -> dict:
    """cqlsh checks the chain, not the name, and against a file alone."""
    if tls.get("key_password"):
        raise CommandError(
            "cqlsh cannot read a key with a password (OPTIONS['tls']['key_password']). `python -m libcql URL` can."
        )
    names = {"ca": "certfile", "cert": "usercert", "key": "userkey"}
    section = {name: os.path.abspath(tls[ours]) for ours, name in names.items() if tls.get(ours)}
    check = tls.get("check", "full") != "none"
    if check and "certfile" not in section and (system := ssl.get_default_verify_paths().cafile):
        section["certfile"] = system
    section["validate"] = str(check).lower()
    return {name: value.replace("%", "%%") for name, value in section.items()}


def _write(folder: str, name: str, sections: dict) -> str:
    config = configparser.RawConfigParser()
    config.read_dict(sections)
    text = io.StringIO()
    config.write(text)
    path = os.path.join(folder, name)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text.getvalue())
    return path
