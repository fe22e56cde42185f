"""A running partyfinder, and a headless Chromium in front of it. It runs on a file of its own, or, where
PARTYFINDER_CASSANDRA names a node, in a keyspace of its own there."""

import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest
from selenium import webdriver

import libcql

ROOT = pathlib.Path(__file__).resolve().parents[2]
PARTYFINDER = ROOT / "examples" / "partyfinder"
START_SECONDS = 60
KEYSPACE = "partyfinder_browser"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Site:
    """The demo as `make demo` serves it: the same command, on another file and port."""

    def __init__(self, folder):
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = None

    def start(self):
        log = (self.folder / "site.log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "manage.py", "demo", "--port", str(self.port)],
            cwd=PARTYFINDER,
            env={
                **os.environ,
                "PARTYFINDER_DB": str(self.folder / "party.cql"),
                "PARTYFINDER_KEYSPACE": KEYSPACE,
                "PYTHONUNBUFFERED": "1",
            },
            stdout=log,
            stderr=log,
            # A shell that runs the tests in the background has them ignore Ctrl-C, which is how a site is stopped.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                urllib.request.urlopen(f"{self.url}/partyfinder/", timeout=5).close()
                return
            except (urllib.error.URLError, ConnectionError):
                if self.process.poll() is not None or time.monotonic() > deadline:
                    pytest.fail(f"the site did not start:\n{self.log()}")
                time.sleep(0.05)

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(timeout=20)

    def log(self):
        return (self.folder / "site.log").read_text()


def drop_keyspace():
    """On a file there is nothing to do: each run has a new one."""
    if node := os.environ.get("PARTYFINDER_CASSANDRA"):
        with libcql.connect(f"cassandra://{node}?request_timeout_ms=60000") as session:
            session.execute(f"DROP KEYSPACE IF EXISTS {KEYSPACE}")


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    drop_keyspace()
    site = Site(tmp_path_factory.mktemp("site"))
    site.start()
    yield site
    site.stop()
    drop_keyspace()


def chromium(width, height, folder):
    options = webdriver.ChromeOptions()
    options.binary_location = os.environ.get("CHROMIUM", "/usr/bin/chromium")
    for switch in (
        "headless=new",
        "no-sandbox",
        "disable-gpu",
        "disable-quic",
        "no-first-run",
        "disable-background-networking",
        "disable-component-update",
        "disable-sync",
        "disable-dev-shm-usage",
        f"user-data-dir={folder}",
        f"window-size={width},{height}",
    ):
        options.add_argument(f"--{switch}")
    service = webdriver.ChromeService(os.environ.get("CHROMEDRIVER", "/usr/bin/chromedriver"))
    driver = webdriver.Chrome(options=options, service=service)
    driver.implicitly_wait(2)
    return driver


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    driver = chromium(1100, 800, tmp_path_factory.mktemp("chromium"))
    yield driver
    driver.quit()


@pytest.fixture
def phone(browser):
    """The same browser with a phone's screen."""
    metrics = {"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    yield browser
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
