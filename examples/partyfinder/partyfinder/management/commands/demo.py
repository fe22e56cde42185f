import socket

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from partyfinder.sample import load_sample


class Command(BaseCommand):
    help = "Migrates, loads sample data into an empty database, and serves the site."

    def add_arguments(self, parser):
        parser.add_argument(
            "--host", default="127.0.0.1", help="Address to listen on. Default: %(default)s."
        )
        parser.add_argument(
            "--port", type=int, default=8000, help="Port to listen on. Default: %(default)s."
        )
        parser.add_argument(
            "--no-serve", action="store_true", help="Prepare the database and stop before serving."
        )

    def handle(self, *, host, port, no_serve, verbosity, **options):
        if not no_serve:
            self.check_port(host, port)
        call_command("migrate", verbosity=0 if verbosity < 2 else verbosity)
        loaded = load_sample()
        if loaded:
            self.stdout.write(f"Loaded {loaded} sample parties.")
        if no_serve:
            return
        address = self.style.SUCCESS(f"http://{host}:{port}/")
        self.stdout.write(f"Partyfinder is at {address} (stop it with CTRL-C; the data stays)")
        call_command(
            "runserver", f"{host}:{port}", use_reloader=False, skip_checks=True, verbosity=verbosity
        )

    def check_port(self, host, port):
        """Say that the port is taken before anything is done, and what to do instead."""
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                raise CommandError(
                    f"Cannot listen on {host}:{port} ({error.strerror}). "
                    f"Choose another port: make demo PORT={port + 1}"
                ) from error
