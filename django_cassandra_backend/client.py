"""dbshell."""

from django.core.management.base import CommandError
from django.db.backends.base.client import BaseDatabaseClient


class DatabaseClient(BaseDatabaseClient):
    executable_name = "cqlsh"

    @classmethod
    def settings_to_cmd_args_env(cls, settings_dict, parameters):
        """cqlsh needs a port, and a database file has none."""
        if (settings_dict.get("OPTIONS") or {}).get("local"):
            raise CommandError(
                "dbshell starts cqlsh, which speaks to a server, and this database is a file. "
                "Use `manage.py shell` and connection.cursor().execute('SELECT …') in its place."
            )
        args = [cls.executable_name, *parameters]
        if settings_dict.get("NAME"):
            args += ["--keyspace", settings_dict["NAME"]]
        if settings_dict.get("USER"):
            args += ["--username", settings_dict["USER"]]
        host = (settings_dict.get("HOST") or "").split(",")[0].strip()
        args += [part for part in (host, str(settings_dict.get("PORT") or "")) if part]
        env = (
            {"CQLSH_PASSWORD": settings_dict["PASSWORD"]} if settings_dict.get("PASSWORD") else None
        )
        return args, env
