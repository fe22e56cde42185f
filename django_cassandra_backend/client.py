"""dbshell."""

import sys

from django.core.management.base import CommandError
from django.db.backends.base.client import BaseDatabaseClient


class DatabaseClient(BaseDatabaseClient):
    executable_name = "cqlsh"

    @classmethod
    def settings_to_cmd_args_env(cls, settings_dict, parameters):
        """A database file has a shell of its own; a server has cqlsh."""
        local = (settings_dict.get("OPTIONS") or {}).get("local")
        keyspace = ["--keyspace", settings_dict["NAME"]] if settings_dict.get("NAME") else []
        if local == ":memory:":
            raise CommandError(
                "A database in memory lives in its own process, where dbshell cannot reach it. "
                "Set OPTIONS['local'] to a file."
            )
        if local:
            return [sys.executable, "-m", "libcql", str(local), *keyspace, *parameters], None
        args = [cls.executable_name, *parameters, *keyspace]
        if settings_dict.get("USER"):
            args += ["--username", settings_dict["USER"]]
        host = (settings_dict.get("HOST") or "").split(",")[0].strip()
        args += [part for part in (host, str(settings_dict.get("PORT") or "")) if part]
        env = (
            {"CQLSH_PASSWORD": settings_dict["PASSWORD"]} if settings_dict.get("PASSWORD") else None
        )
        return args, env
