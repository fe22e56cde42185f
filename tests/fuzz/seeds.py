"""Inputs to start the fuzz targets from, made of the project's test data, a directory per target; and dictionaries.

    python tests/fuzz/seeds.py DIR

The kept corpus in tests/fuzz/corpus holds only what fuzzing found: what the test data already says is not said twice.
"""

import hashlib
import io
import pathlib
import re
import sys
import zipfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "conformance"))

import corpus  # noqa: E402

WRITES_KEPT = 4  # the last writes to a query's tables that go into its script
SCRIPT_LEN_MAX = 2500


def statements():
    """Yield the statements of each corpus file, one list per file, on one line each."""
    for path in sorted((ROOT / "tests" / "data" / "cql").glob("*.test")):
        steps = corpus.read_file(path).steps
        texts = [step.statement for step in steps if hasattr(step, "statement")]
        yield [" ".join(text.replace("{ks}", "ks").split("\n")) for text in texts]


def parse():
    """Yield each statement of the corpus and of the parser's own test data."""
    for texts in statements():
        yield from (text.encode() for text in texts)
    for path in sorted((ROOT / "tests" / "data" / "engine" / "parse").glob("*.test")):
        found = re.findall(r"^cql[ \t]+(.*)$", path.read_text(), re.M)
        yield from (text.encode() for text in found)


def script(before, text):
    """A statement behind the DDL and the last writes of the tables that it names."""
    words = set(re.findall(r"\w+", text))
    kept, writes = [], 0
    for earlier in reversed(before):
        found = re.match(
            r"(CREATE|ALTER)\b.*?\b(TABLE|TYPE|INDEX)\b|(INSERT|UPDATE|DELETE|BEGIN)\b",
            earlier,
            re.I,
        )
        if not found or not named(earlier) & words:
            continue
        if found[3]:
            writes += 1
            if writes > WRITES_KEPT:
                continue
        else:
            words |= set(re.findall(r"\w+", earlier))
        kept.append(earlier)
    return "\n".join([*reversed(kept), text])


def named(text):
    """The table, or type, that a statement makes, changes, writes or indexes."""
    found = re.findall(
        r"\b(?:TABLE|TYPE|INTO|UPDATE|FROM|ON)\s+(?:IF\s+NOT\s+EXISTS\s+|IF\s+EXISTS\s+)?(?:\w+\.)?(\w+)",
        text,
        re.I,
    )
    return set(found)


def statement():
    """Yield scripts: what a statement of the corpus needs, then the statement."""
    for texts in statements():
        for i, text in enumerate(texts):
            if re.match(r"(CREATE|ALTER)\s+(TABLE|TYPE|KEYSPACE)", text, re.I):
                continue
            made = script(texts[:i], text)
            if len(made) <= SCRIPT_LEN_MAX:
                yield made.encode()


def golden(name, room="value"):
    for line in (ROOT / "tests" / "data" / room / name).read_text().split("\n"):
        if line and not line.startswith("#"):
            yield line.split("\t")


def value():
    """Yield values and literals that a driver and Cassandra gave answers for."""
    seen = {}
    for _, kind, literal, encoded in (f for f in golden("driver.tsv") if len(f) == 4):
        known = seen.setdefault(kind, [])
        known.append((literal, bytes.fromhex(encoded)))
        if len(known) % 3 == 0:
            parts = [part[:255] for _, part in known[-3:]]
            head = kind.encode() + b"\n" + bytes(len(part) for part in parts)
            yield head + b"".join(parts) + literal.encode()


def exchanged(kind):
    """Yield what the golden files of the protocol hold of one kind of line, as (fields between, bytes)."""
    for name in ("driver.tsv", "cassandra.tsv"):
        for found in golden(name, "protocol"):
            if found[0] == kind:
                yield found[1:-1], bytes.fromhex(found[-1])


def bodies(kind):
    for _, envelope in exchanged(kind):
        flags = envelope[1] & 0x0E if kind == "A" else envelope[1] & 0x06
        yield bytes([flags | (envelope[0] & 1), envelope[4]]) + envelope[9:]


def request():
    """Yield the bodies of requests that the driver wrote."""
    yield from bodies("Q")


def response():
    """Yield the bodies of responses that Cassandra wrote."""
    yield from bodies("A")


def envelope():
    """Yield envelopes, one by one and all that a connection said."""
    for kind in "QA":
        yield from (b"\x06" + data for _, data in exchanged(kind))
    for (version, lz4), data in exchanged("C"):
        if version == "4":
            yield bytes([0x20 | int(lz4)]) + data


def segment():
    """Yield segments as they are, and what they hold to be put in others."""
    for (lz4, envelopes), data in exchanged("S"):
        payload = bytes.fromhex(envelopes)
        yield bytes([0x22 | int(lz4)]) + data
        yield bytes([0x20 | int(lz4), 1]) + len(payload).to_bytes(2, "big") + bytes(2) + payload
        half = len(payload) // 2
        parts = [payload[:half], payload[half:]]
        yield bytes([0x20 | int(lz4)]) + b"".join(
            b"\0" + len(part).to_bytes(2, "big") + bytes(2) + part for part in parts
        )
        if lz4 == "1":  # packed ones, by the lengths in their header
            bits = int.from_bytes(data[:5], "little")
            packed, plain = bits & 0x1FFFF, bits >> 17 & 0x1FFFF
            yield (
                b"\x21\x01"
                + packed.to_bytes(2, "big")
                + plain.to_bytes(2, "big")
                + data[8 : 8 + packed]
            )


def type_name():
    """Yield the names of types in the corpus, and classes."""
    for texts in statements():
        for text in texts:
            for name in re.findall(r"\b(?:frozen|map|set|list|tuple|vector)<[^()]*>", text):
                yield name.encode()
    package = "org.apache.cassandra.db.marshal."
    for name in (
        "Int32Type",
        "ReversedType(UTF8Type)",
        "MapType(UTF8Type,FrozenType(ListType(Int32Type)))",
    ):
        yield (package + name).encode()
    yield b"UserType(ks,756474,61:Int32Type,62:UTF8Type)"
    yield b"VectorType(FloatType , 3)"


def json():
    """Yield the JSON texts of the corpus, each with the type of the column it is written to."""
    types = {}
    for texts in statements():
        for text in texts:
            if text.startswith("CREATE TABLE j "):
                types = dict(re.findall(r"(\w+) ((?:\w+<.*?>+(?=, |\)))|\w+)(?=, |\)| P)", text))
            found = re.match(r"INSERT INTO j JSON '\{\"p\": \d+, \"(\w+)\": (.*)\}'", text)
            if found and found[1] in types:
                yield f"{types[found[1]]}\n{found[2]}".replace("''", "'").encode()
            found = re.match(r"INSERT INTO j JSON '(.*)'", text)
            if found:
                yield f"map<text, text>\n{found[1]}".replace("''", "'").encode()


def url():
    """Yield the URLs of sessions in the tests."""
    texts = [
        "local:a.cql",
        "local::memory:",
        "local:/x%20y.cql?keyspace=ks&durability=full&busy_timeout_ms=5",
    ]
    texts += [
        "cassandra://u:p@h1,h2:9042/ks?local_dc=dc1",
        "scylla://[::1]:9042?consistency=ONE&serial_consistency=SERIAL&compression=lz4&protocol=5",
        "cassandra://h?tls=on&tls_ca=a&tls_cert=b&tls_key=c&tls_key_password=d&tls_check=ca&tls_name=e",
        "cassandra://h?request_timeout_ms=1&connections=2&direct_connections=0&queue_count=3",
        "astra:bundle.zip",
        "local:a.cql?durability=odd",
    ]
    yield from (text.encode() for text in texts)


def page_state():
    """Yield a state for each kind of statement: partition, interval, limits, a key and a position."""
    for which in range(16):
        yield bytes([which, 1]) + bytes(25) + bytes(8)
        yield bytes([which, 1]) + bytes(25) + b"\0\0\0\4\0\0\0\1" + b"\0\0\0\x14" + bytes(20)
        yield bytes([which, 0]) + b"\1\2\3"


def damage():
    """Yield small changes of every value, and each cut to nothing."""
    for which in range(96):
        yield bytes([which, 0])
        yield bytes([which, 1, which, 255, 2 * which % 256, 0])


def file():
    """Yield a file as it is, cut, and with changes of its header."""
    yield b"\0\0"
    yield from (bytes([0, cut]) for cut in (1, 8, 64))
    yield from (bytes([0, at, 255, 0, 0]) for at in (0, 16, 18, 28, 56, 60, 68, 100))


CONFIG = '{"host": "a.example", "port": 30443, "cql_port": 29042, "keyspace": "ks"}'


def zipped(contents, method, folder=""):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in contents.items():
            archive.writestr(zipfile.ZipInfo(folder + name), content, compress_type=method)
    return out.getvalue()


def bundle():
    """Yield secure connect bundles: deflated, stored, in a folder, with a mark, and what lacks something."""
    parts = {"ca.crt": "ca", "cert": "cert", "key": "key", "cqlshrc": "x"}
    for config in (CONFIG, "\ufeff" + CONFIG, "\ufeff{}".encode("utf-16-be"), "[]"):
        for method in (zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED):
            yield b"\1" + zipped({**parts, "config.json": config}, method)
    yield b"\0" + zipped({**parts, "config.json": CONFIG}, zipfile.ZIP_STORED, "db/")
    yield b"\0" + zipped({"config.json": CONFIG, "key": "\n" * 9000}, zipfile.ZIP_DEFLATED)
    yield b"\0" + zipped({}, zipfile.ZIP_STORED)


def zip_words():
    """Yield what a zip file is made of."""
    yield from ("PK\1\2", "PK\3\4", "PK\5\6", "PK\6\6", "PK\6\7", "\1\0\x10\0", "\xff\xff\xff\xff")
    yield from ("ca.crt", "cert", "key", "config.json", "db/", '"host"', '"port"', '"keyspace"')


METADATA = """{"version": 1, "region": "us-east1", "contact_info": {"type": "sni_proxy", "local_dc": "dc1",
 "contact_points": ["11111111-2222-3333-4444-555555555555", "AAAAAAAA-bbbb-cccc-dddd-eeeeeeeeeeee"],
 "sni_proxy_address": "%s"}}"""


def metadata():
    """Yield what the metadata service answers, and its errors."""
    for address in ("a.example:29042", "[::1]:29042", "::1", "a.example", "a:0"):
        yield (METADATA % address).encode()
    for encoding in ("utf-8-sig", "utf-16"):
        yield (METADATA % "a:1").encode(encoding)
    yield from (b'{"message": "%s"}' % text for text in (b"hibernated", b"\\ud83d\\ude00\\n" * 9))


def json_words():
    """Yield what the metadata is made of."""
    keys = re.findall(r'"[a-z_]+"', METADATA)
    yield from (
        *keys,
        '"message"',
        "\\u00e9",
        "\\ud83d\\ude00",
        "null",
        "true",
        "1e9",
        "\xef\xbb\xbf",
        "\xff\xfe",
    )


OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def http():
    """Yield answers of HTTP servers."""
    yield b"\3" + OK + b"Content-Length: 2\r\n\r\n{}"
    yield b"\1" + OK + b"Connection: close\r\n\r\n{}"
    yield (
        b"\5"
        + OK
        + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n001;x=y\r\n}\r\n0\r\nX: y\r\n\r\n"
    )
    yield b"\2HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Content-Length: 0\r\n\r\n"
    yield b"\2HTTP/1.1 204 No Content\r\n\r\n"
    yield b"\4HTTP/1.0 401 Unauthorized\nContent-Length: 15\n\n" + b'{"message":"x"}'


def http_words():
    """Yield what the answer of an HTTP server is made of."""
    yield from (
        "HTTP/1.1 ",
        "200",
        "100",
        "204",
        "\r\n",
        "\r\n\r\n",
        "\r\n ",
        ": ",
        "identity",
        "100000\r\n",
        "0\r\n",
    )
    yield from ("Content-Length: ", "Transfer-Encoding: ", "Content-Encoding: ", "Content-Type: ")
    yield from ("chunked", "application/json", "gzip", "1048576", "18446744073709551616")


def words():
    """Yield what CQL and type names are made of: keywords, types, functions, signs."""
    src = ROOT / "src"
    yield from re.findall(r'X\(\w+, "(\w+)"', (src / "engine" / "parse" / "token.h").read_text())
    types = (ROOT / "include" / "cql" / "type.h").read_text()
    for cql, java in re.findall(r'X\(\w+, \w+, "(\w+)", "(\w+)"\)', types):
        yield from (cql + "<", java + "(")
    for path in sorted((src / "engine" / "term").glob("function*.c")):
        yield from (name + "(" for name in re.findall(r'"([a-z_]{3,})"', path.read_text()))
    yield from (
        "frozen<",
        "'1'",
        "= ?",
        " IN (",
        "$$",
        "0x",
        "1.5e3",
        "P1DT2H",
        "1mo2d",
        "USING TTL ",
        "? ",
    )


TARGETS = {
    "bundle": bundle,
    "damage": damage,
    "envelope": envelope,
    "file": file,
    "http": http,
    "json": json,
    "metadata": metadata,
    "page_state": page_state,
    "parse": parse,
    "request": request,
    "response": response,
    "segment": segment,
    "statement": statement,
    "type_name": type_name,
    "url": url,
    "value": value,
}

DICTIONARIES = {"cql": words, "http": http_words, "json": json_words, "zip": zip_words}


def quoted(word):
    """As libFuzzer's dictionaries have it."""
    text = "".join(c if " " <= c <= "~" and c not in '\\"' else f"\\x{ord(c):02x}" for c in word)
    return f'"{text}"\n'


def write(directory):
    """Write all seeds below directory, one file each, named by their content, and dictionaries; return how many seeds."""
    count = 0
    for name, make in TARGETS.items():
        folder = directory / name
        folder.mkdir(parents=True, exist_ok=True)
        seeds = {hashlib.sha1(data).hexdigest()[:16]: data for data in make()}
        for stale in folder.iterdir():
            if stale.name not in seeds:
                stale.unlink()
        for digest, data in seeds.items():
            if not (folder / digest).exists():
                (folder / digest).write_bytes(data)
        count += len(seeds)
    for name, make in DICTIONARIES.items():
        lines = sorted(set(map(quoted, make())))
        (directory / f"{name}.dict").write_text("".join(lines))
    return count


if __name__ == "__main__":
    print(f"{write(pathlib.Path(sys.argv[1]))} seeds")
