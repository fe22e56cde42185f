"""Java and Cassandra's jars: where they are, and the command line that a server needs."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

from .errors import NodeError
from .places import HOME, TEMPLATES, locked

INSTALL_HINT = "On Debian or Ubuntu: apt-get install openjdk-17-jdk-headless maven"
VERSIONS = {"5.0": "5.0.8", "4.1": "4.1.9"}  # the first is the default; pom.xml names it, too

EXPORTS = [
    "java.base/java.lang.ref",
    "java.base/jdk.internal.misc",
    "java.management.rmi/com.sun.jmx.remote.internal.rmi",
    "java.management/com.sun.jmx.remote.security",
    "java.rmi/sun.rmi.registry",
    "java.rmi/sun.rmi.server",
    "java.sql/java.sql",
    "jdk.unsupported/sun.misc",
]
OPENS = [
    "java.base/java.io",
    "java.base/java.lang",
    "java.base/java.lang.module",
    "java.base/java.lang.reflect",
    "java.base/java.nio",
    "java.base/java.util",
    "java.base/jdk.internal.loader",
    "java.base/jdk.internal.math",
    "java.base/jdk.internal.module",
    "java.base/jdk.internal.ref",
    "java.base/jdk.internal.reflect",
    "java.base/jdk.internal.util.jar",
    "java.base/sun.nio.ch",
    "jdk.management/com.sun.management.internal",
]
# Cassandra 4.1 was made for Java 11: the library with which it measures objects looks into these.
OPENS_4_1 = [
    "java.base/java.lang.invoke",
    "java.base/java.math",
    "java.base/java.net",
    "java.base/java.nio.charset",
    "java.base/java.nio.file",
    "java.base/java.security",
    "java.base/java.text",
    "java.base/java.time",
    "java.base/java.util.concurrent",
    "java.base/java.util.concurrent.atomic",
    "java.base/java.util.concurrent.locks",
    "java.base/java.util.function",
    "java.base/java.util.regex",
    "java.base/java.util.stream",
    "java.base/sun.net.spi",
    "java.base/sun.nio.fs",
    "java.base/sun.security.util",
]


def find_java() -> str:
    """A Java 17: JAVA_HOME's, the one on PATH, or one where Linux distributions put it."""
    candidates = [shutil.which("java")]
    if "JAVA_HOME" in os.environ:
        candidates.insert(0, str(Path(os.environ["JAVA_HOME"]) / "bin" / "java"))
    candidates += sorted(str(p) for p in Path("/usr/lib/jvm").glob("*17*/bin/java"))
    for java in candidates:
        if java and os.access(java, os.X_OK):
            text = subprocess.run([java, "-version"], capture_output=True, text=True).stderr
            if re.search(r'version "17\b', text):
                return java
    raise NodeError(f"Cassandra needs Java 17, and none was found. {INSTALL_HINT}")


def jars(version: str) -> Path:
    """The folder of a version's jars; they are there after `fetch_jars`."""
    return HOME / ("lib" if version == next(iter(VERSIONS)) else f"lib-{version}")


def fetch_jars(version: str) -> None:
    """Let Maven copy the server and what it needs; nothing to do while pom.xml is unchanged."""
    pom, lib, release = TEMPLATES / "pom.xml", jars(version), VERSIONS[version]
    digest = hashlib.sha256(pom.read_bytes() + release.encode()).hexdigest()
    stamp = lib / "pom.sha256"
    with locked("jars"):
        if stamp.exists() and stamp.read_text() == digest:
            return
        fresh = HOME / "lib.new"
        shutil.rmtree(fresh, ignore_errors=True)
        print(f"Fetching Cassandra {release} with Maven (once, about 70 MB) ...", flush=True)
        _copy_dependencies(pom, release, fresh)
        (fresh / "pom.sha256").write_text(digest)
        shutil.rmtree(lib, ignore_errors=True)
        fresh.rename(lib)


def _copy_dependencies(pom: Path, release: str, into: Path) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise NodeError(f"Maven (mvn) fetches Cassandra's jars, and was not found. {INSTALL_HINT}")
    goal = ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={into}"]
    done = subprocess.run(
        [maven, "-B", "-q", "-f", str(pom), f"-Dcassandra.release={release}", *goal],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode != 0:
        raise NodeError(f"Maven could not fetch Cassandra's jars.\n{done.stdout[-4000:]}")


def module_options(version: str) -> list[str]:
    """What Cassandra reaches into and JDK 17 would refuse."""
    opens = OPENS + (OPENS_4_1 if version == "4.1" else [])
    args = []
    for name in EXPORTS:
        args += ["--add-exports", f"{name}=ALL-UNNAMED"]
    for name in opens:
        args += ["--add-opens", f"{name}=ALL-UNNAMED"]
    return args


def server_command(java: str, version: str, conf: Path, heap: str, quick: bool) -> list[str]:
    """The server's command line up to its own -D options and its main class."""
    lib = jars(version)
    (agent,) = lib.glob("jamm-*.jar")
    args = [java, "-cp", f"{conf}:{lib}/*", f"-javaagent:{agent}"]
    args += [f"-Xms{heap}", f"-Xmx{heap}", "-XX:MaxDirectMemorySize=256m", "-Xss256k"]
    args += ["-XX:+UseSerialGC", "-XX:+ExitOnOutOfMemoryError"]
    if quick:
        args.append("-XX:TieredStopAtLevel=1")
    return args + module_options(version)


def nodetool_command(java: str, version: str, conf: Path, jmx_port: int) -> list[str]:
    """nodetool's command line up to the words for it."""
    args = [java, "-cp", f"{conf}:{jars(version)}/*", "-Xmx128m", "-XX:TieredStopAtLevel=1"]
    args += module_options(version)
    args += [f"-Dcassandra.logdir={conf}", "-Djava.net.preferIPv4Stack=true"]
    return [*args, "org.apache.cassandra.tools.NodeTool", "-p", str(jmx_port)]
