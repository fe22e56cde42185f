"""tools/cassandra/testcluster without Java: processes, settings, certificates, the small CQL client, and a
cluster of programs that answer like nodes."""

from __future__ import annotations

import contextlib
import io
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import unittest
from pathlib import Path
from unittest import mock

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent.parent / "tools" / "cassandra"))

from fake_node import FakeNode, rows  # noqa: E402
from testcluster import Cluster, NodeError, Settings, borrowed, certificates, cql  # noqa: E402
from testcluster import cluster as cluster_module  # noqa: E402
from testcluster.command import parse_arguments  # noqa: E402
from testcluster.node import Node  # noqa: E402
from testcluster.process import Server, state_of, wait_until  # noqa: E402


class SettingsTests(unittest.TestCase):
    def yaml(self, settings: Settings, index: int = 0) -> str:
        return settings.yaml(9142, index, Path("/run-here"), Path("/tls-here"))

    def test_three_nodes_share_the_ring(self):
        settings = Settings(nodes=3)
        tokens = [settings.token(i) for i in range(3)]
        self.assertEqual(tokens, [-(2**63), -3074457345618258603, 3074457345618258602])

    def test_one_node_stays_where_it_was(self):
        settings = Settings()
        self.assertEqual(settings.addresses(9142), ["127.0.0.1"])
        self.assertIn("initial_token: '0'\n", self.yaml(settings))
        self.assertIn("commitlog_sync: periodic\n", self.yaml(settings))
        self.assertEqual(settings.properties()["cassandra.unsafesystem"], "true")

    def test_clusters_have_blocks_of_their_own(self):
        blocks = [set(Settings(nodes=9).addresses(port)) for port in (9142, 9143, 9398)]
        self.assertEqual(len(set.union(*blocks)), 27)

    def test_several_nodes_keep_what_they_acknowledged(self):
        settings = Settings(nodes=3)
        self.assertIn("commitlog_sync: batch\n", self.yaml(settings))
        self.assertNotIn("cassandra.unsafesystem", settings.properties())
        self.assertNotIn("commitlog_sync: batch", self.yaml(Settings(nodes=3, durable=False)))

    def test_nothing_of_the_template_is_left(self):
        settings = Settings(nodes=2, auth=True, tls="client", flavour="latest")
        text = self.yaml(settings, 1)
        body = text[text.index("cluster_name") :]
        self.assertNotIn("$", body)
        for line in (
            "listen_address: 127.35.182.2",
            "authenticator: PasswordAuthenticator",
            "  require_client_auth: true",
            "default_secondary_index: sai",
            '"127.35.182.1:19142,127.35.182.2:19142"',
        ):
            self.assertIn(line, body)

    def test_astra_has_limits(self):
        text = self.yaml(Settings(flavour="astra", auth=True))
        self.assertIn("partition_keys_in_select_fail_threshold: 20\n", text)
        self.assertIn("write_consistency_levels_disallowed: [ANY, ONE, LOCAL_ONE]\n", text)

    def test_what_cannot_be_is_refused(self):
        wrong = [{"nodes": 0}, {"version": "3.11"}, {"tls": "yes"}, {"certificate": "expired"}]
        wrong += [
            {"version": "4.1", "flavour": "latest"},
            {"flavour": "astra"},
            {"tls": "server", "certificate": "no"},
        ]
        for wish in wrong:
            with self.assertRaises(NodeError, msg=wish):
                Settings(**wish)

    def test_the_command_has_the_same_defaults(self):
        args = parse_arguments(["start"])
        for name, value in vars(Settings()).items():
            self.assertEqual(getattr(args, name), value, name)

    def test_tls_alone_means_the_server(self):
        self.assertEqual(parse_arguments(["start", "--tls"]).tls, "server")
        self.assertEqual(parse_arguments(["start", "--tls", "client"]).tls, "client")

    def test_only_this_machine(self):
        for address in ("10.0.0.1", "127.255.255.250", "localhost"):
            with contextlib.redirect_stderr(io.StringIO()), self.assertRaises(SystemExit):
                parse_arguments(["start", "--address", address])


class FolderTests(unittest.TestCase):
    """A folder that goes away."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)


class ProcessTests(FolderTests):
    def start(self) -> Server:
        server = Server(self.folder / "pid", f"--mark={self.folder}")
        program = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"]
        server.start([*program, server.mark], self.folder, self.folder / "console")
        self.addCleanup(server.send, 9)
        wait_until(lambda: "up" in (self.folder / "console").read_text(), 10, "it does not run")
        return server

    def test_pause_resume_and_kill(self):
        server = self.start()
        server.send(19)
        wait_until(server.is_paused, 5, "it does not pause")
        server.send(18)
        wait_until(lambda: not server.is_paused(), 5, "it does not go on")
        self.assertTrue(server.send(9))
        wait_until(server.is_gone, 5, "it does not die")
        self.assertFalse(server.send(9))

    def test_a_process_is_not_gone_before_its_last_thread(self):
        program = (
            "import ctypes, threading, time\n"
            "threading.Thread(target=time.sleep, args=[60]).start()\n"
            "ctypes.CDLL(None).pthread_exit(None)"
        )
        server = Server(self.folder / "pid", f"--mark={self.folder}")
        server.start(
            [sys.executable, "-c", program, server.mark], self.folder, self.folder / "console"
        )
        pid = int((self.folder / "pid").read_text())
        try:
            wait_until(lambda: state_of(pid) == "Z", 10, "its first thread does not end")
            self.assertFalse(server.is_gone())
        finally:
            os.kill(pid, 9)
        wait_until(server.is_gone, 10, "it does not end")

    def test_a_pid_that_is_another_program_is_left_alone(self):
        with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
            (self.folder / "pid").write_text(str(other.pid))
            server = Server(self.folder / "pid", f"--mark={self.folder}")
            self.assertIsNone(server.pid())
            self.assertFalse(server.send(9))
            self.assertIsNone(other.poll())
            other.communicate(b"\n")
            self.assertEqual(other.returncode, 0)

    def test_a_damaged_pid_file_is_no_process(self):
        (self.folder / "pid").write_text("")
        self.assertIsNone(Server(self.folder / "pid", "--mark").pid())


class CqlTests(unittest.TestCase):
    def setUp(self):
        self.server = FakeNode("127.0.0.1", 0, peers=2)
        self.addCleanup(self.server.server_close)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.addCleanup(self.server.shutdown)

    def connect(self) -> cql.Connection:
        return cql.Connection("127.0.0.1", self.server.server_address[1], None)

    def test_a_conversation(self):
        with self.connect() as connection:
            self.assertTrue(connection.is_cql())
            connection.log_in(None, None)
            own = connection.query("SELECT schema_version FROM system.local")
            self.assertEqual(own, [[bytes(16)]])
            peers = connection.query("SELECT schema_version FROM system.peers_v2")
            self.assertEqual(peers, own * 2)

    def test_an_error_is_told_in_its_words(self):
        error = (0x00, b"\0\0\1\0\0\3bad")
        with (
            mock.patch("fake_node.answer", return_value=error),
            self.connect() as connection,
            self.assertRaisesRegex(cql.Refused, "0x0100 bad"),
        ):
            connection.log_in("cassandra", "wrong")

    def test_a_server_that_wants_a_password(self):
        replies = [(0x03, b"\0\1x"), (0x10, b"\xff\xff\xff\xff")]
        answers = mock.patch("fake_node.answer", side_effect=replies)
        with answers as asked, self.connect() as connection:
            connection.log_in("ann", "secret")
        self.assertEqual(asked.call_args.args[1], b"\0\0\0\x0b\0ann\0secret")

    def test_a_password_that_we_do_not_have(self):
        who = mock.patch("fake_node.answer", return_value=(0x03, b"\0\1x"))
        with who, self.connect() as connection, self.assertRaises(cql.Refused):
            connection.log_in(None, None)

    def test_every_cut_of_a_result_is_refused(self):
        _, whole = rows(2)
        for length in range(4, len(whole)):
            with self.assertRaises(cql.Refused, msg=length):
                cql.rows_of(cql.Reader(whole[:length]))


class CertificateTests(FolderTests):
    def setUp(self):
        super().setUp()
        self.tls = self.folder / "tls"
        certificates.make(self.tls, ["localhost", "127.0.0.1"])

    def handshake(self, name: str, client: str | None = None) -> None:
        """A client that trusts our authority meets a server with this certificate."""
        ours, theirs = socket.socketpair()
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(self.tls / f"{name}-with-key.pem")
        if client:
            server.verify_mode = ssl.CERT_REQUIRED
            server.load_verify_locations(self.tls / "ca.pem")

        def serve() -> None:
            with contextlib.suppress(OSError), theirs, server.wrap_socket(theirs, True) as s:
                s.sendall(b"x")

        thread = threading.Thread(target=serve)
        thread.start()
        context = ssl.create_default_context(cafile=self.tls / "ca.pem")
        if client:
            context.load_cert_chain(self.tls / f"{client}.pem", self.tls / f"{client}.key")
        try:
            with ours, context.wrap_socket(ours, server_hostname="127.0.0.1") as s:
                if s.recv(1) != b"x":
                    raise ConnectionError("the server hung up")
        finally:
            thread.join()

    def test_the_good_one_is_taken(self):
        self.handshake("server")

    def test_the_bad_ones_are_refused_each_for_its_reason(self):
        for name, reason in (
            ("expired", "certificate has expired"),
            ("other-name", "IP address mismatch"),
            ("foreign", "unable to get local issuer certificate"),
        ):
            with self.subTest(name), self.assertRaisesRegex(ssl.SSLCertVerificationError, reason):
                self.handshake(name)

    def test_a_client_shows_its_own(self):
        self.handshake("server", client="client")
        with self.assertRaises(OSError):
            self.handshake("server", client="foreign-client")

    def test_they_are_made_again_only_for_other_names(self):
        before = (self.tls / "server.pem").read_text()
        certificates.make(self.tls, ["localhost", "127.0.0.1"])
        self.assertEqual((self.tls / "server.pem").read_text(), before)
        certificates.make(self.tls, ["localhost"])
        self.assertNotEqual((self.tls / "server.pem").read_text(), before)

    def test_keys_are_for_their_owner_only(self):
        for path in [*self.tls.glob("*.key"), *self.tls.glob("*-with-key.pem")]:
            self.assertEqual(path.stat().st_mode & 0o077, 0, path)

    def test_a_folder_with_other_things_is_left_alone(self):
        (self.folder / "mine").touch()
        with self.assertRaisesRegex(NodeError, "other things"):
            certificates.make(self.folder, ["localhost"])
        self.assertTrue((self.folder / "mine").exists())


class ClusterTests(FolderTests):
    """Three programs that answer like nodes."""

    SETTINGS = Settings(nodes=3)

    def setUp(self):
        super().setUp()

        def command(node: Node, _java: str, _replaces: str | None) -> list[str]:
            peers = str(node.settings.nodes - 1)
            words = [node.address, str(node.port), peers, node.server.mark]
            return [sys.executable, str(HERE / "fake_node.py"), *words]

        for patch in (
            mock.patch.object(Node, "_command", command),
            mock.patch.object(cluster_module, "HOME", self.folder),
            mock.patch("testcluster.places.HOME", self.folder),
            mock.patch("testcluster.java.find_java", return_value="java"),
            mock.patch("testcluster.java.fetch_jars"),
        ):
            patch.start()
            self.addCleanup(patch.stop)
        with socket.create_server(("127.0.0.1", 0)) as s:
            port = s.getsockname()[1] % 20000 + 20000
        self.cluster = Cluster(cluster_module.first_free_port(self.SETTINGS, port))
        self.addCleanup(self.cluster.wipe)

    def states(self) -> list[str]:
        return [node.state() for node in self.cluster.nodes]

    def pids(self) -> list[int | None]:
        return [node.pid for node in self.cluster.nodes]

    def test_start_stop_and_start_again(self):
        self.assertFalse(self.cluster.is_running())
        self.cluster.start(self.SETTINGS, 20)
        self.assertTrue(self.cluster.is_running())
        first = self.pids()
        self.cluster.start(self.SETTINGS, 20)
        self.assertEqual(self.pids(), first)
        self.assertTrue(self.cluster.stop(20))
        self.assertEqual(self.states(), ["stopped"] * 3)
        self.assertFalse(self.cluster.stop(20))
        self.cluster.start(timeout=20)
        self.assertEqual(self.cluster.settings, self.SETTINGS)
        self.assertEqual(self.states(), ["running"] * 3)

    def test_faults(self):
        self.cluster.start(self.SETTINGS, 20)
        self.cluster.node(2).pause()
        self.cluster.node(3).kill()
        self.assertEqual(self.states(), ["running", "paused", "stopped"])
        with self.assertRaisesRegex(NodeError, "does not run"):
            self.cluster.node(3).pause()
        with self.assertRaisesRegex(NodeError, "nodes 1 to 3"):
            self.cluster.node(4)
        kept = self.pids()[:2]
        self.cluster.restart(3, 20)
        self.assertEqual(self.states(), ["running", "paused", "running"])
        self.cluster.start(self.SETTINGS, 20)
        self.assertEqual(self.states(), ["running"] * 3)
        self.assertEqual(self.pids()[:2], kept)
        self.cluster.node(1).pause()
        self.assertTrue(self.cluster.stop(20))

    def test_a_roll_restarts_each(self):
        self.cluster.start(self.SETTINGS, 20)
        before = self.pids()
        self.cluster.roll(20)
        self.assertEqual(self.states(), ["running"] * 3)
        self.assertFalse(set(before) & set(self.pids()))

    def test_a_new_node_takes_a_place(self):
        self.cluster.start(self.SETTINGS, 20)
        old, before = self.cluster.node(2), self.pids()
        (old.run / "data").mkdir()
        self.cluster.replace(2, 20)
        after, block = self.pids(), Settings(nodes=4).addresses(self.cluster.port)
        self.assertEqual(self.cluster.contact_points, [block[0], block[3], block[2]])
        self.assertEqual((after[0], after[2]), (before[0], before[2]))
        self.assertNotEqual(after[1], before[1])
        self.assertFalse((old.run / "data").exists())
        yaml = (self.cluster.node(2).conf / "cassandra.yaml").read_text()
        self.assertIn("auto_bootstrap: true\n", yaml)
        self.assertNotIn(f"{block[3]}:", yaml)
        self.cluster.start(self.SETTINGS, 20)
        self.assertEqual(self.pids(), after)

    def test_one_node_has_nobody_to_replace_it(self):
        for settings in (Settings(), Settings(nodes=2, tls="server")):
            settings.save(self.cluster.settings_file)
            with self.assertRaisesRegex(NodeError, "several, and without TLS"):
                self.cluster.replace(1)

    def test_other_settings_are_refused(self):
        self.cluster.start(self.SETTINGS, 20)
        for wish, remedy in (
            (Settings(nodes=3, auth=True), "wipe"),
            (Settings(nodes=3, tls="server"), "stop"),
        ):
            with self.assertRaisesRegex(NodeError, f"node {remedy}"):
                self.cluster.start(wish, 20)

    def test_another_server_on_the_port_is_left_alone(self):
        second = self.SETTINGS.addresses(self.cluster.port)[1]
        other = socket.create_server((second, self.cluster.port))
        with other, self.assertRaisesRegex(NodeError, "Another server"):
            self.cluster.start(self.SETTINGS, 20)

    def test_a_server_that_dies_is_told_with_its_words(self):
        dies = [sys.executable, "-c", "raise SystemExit('no such heap')"]
        command = mock.patch.object(Node, "_command", lambda node, *_: [*dies, node.server.mark])
        with command, self.assertRaisesRegex(NodeError, "no such heap"):
            self.cluster.start(self.SETTINGS, 20)

    def test_borrowing_takes_what_runs_and_leaves_it(self):
        self.cluster.start(self.SETTINGS, 20)
        with borrowed(self.SETTINGS, self.cluster.port) as same:
            self.assertEqual(same.port, self.cluster.port)
        self.assertTrue(self.cluster.is_running())
        with borrowed(Settings(nodes=2), self.cluster.port) as other:
            self.assertNotEqual(other.port, self.cluster.port)
            self.assertTrue(other.is_running())
        self.assertFalse(other.dir.exists())
        self.assertTrue(self.cluster.is_running())


if __name__ == "__main__":
    unittest.main()
