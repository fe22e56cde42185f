"""What the benchmarks' own machinery promises: verdicts of a contest, and the proxy that gives one answer again and again."""

import asyncio
import io
import pathlib
import re
import sys
import unittest
from contextlib import redirect_stderr

BENCHMARKS = pathlib.Path(__file__).resolve().parents[2] / "benchmarks"
sys.path[:0] = [str(BENCHMARKS), str(BENCHMARKS / "cluster")]

import contest  # noqa: E402
import replay  # noqa: E402
import schema  # noqa: E402
from bench import Contest, Promise, Unable  # noqa: E402

SERVER_VERSION = 0x85
STREAM, OTHER_STREAM = 7, 300


def subject(*answers):
    """A subject that gives each of the figures in turn."""
    queue = iter(answers)
    return lambda: next(queue)


def lines(subjects, *promises, rounds=2):
    asked = Contest("question", subjects, list(promises))
    said = io.StringIO()
    with redirect_stderr(said):
        found = list(contest.measure(asked, rounds))
    return found, asked, said.getvalue()


class ContestTests(unittest.TestCase):
    def test_the_best_peer_of_each_round_counts(self):
        subjects = {
            "ours": subject({"cpu": 2.0}, {"cpu": 2.0}),
            "a": subject({"cpu": 4.0}, {"cpu": 8.0}),
            "b": subject({"cpu": 8.0}, {"cpu": 4.0}),
        }
        found, *_ = lines(subjects, Promise("ours", "cpu", 1 / 3, ("a", "b")))
        self.assertEqual(found[-1], ("ours / best of a, b", "cpu", [0.5, 0.5], "ratio", 1 / 3))

    def test_a_rate_is_better_when_it_is_higher(self):
        subjects = {"ours": subject(*[{"rate": 10.0}] * 2), "peer": subject(*[{"rate": 20.0}] * 2)}
        found, *_ = lines(subjects, Promise("ours", "rate", 1, ("peer",)))
        self.assertEqual(found[-1], ("ours / peer", "rate", [2.0, 2.0], "ratio", 1))

    def test_what_remains_beyond_the_floor(self):
        subjects = {"ours": subject(*[{"p50": 400.0}] * 2), "floor": subject(*[{"p50": 100.0}] * 2)}
        found, *_ = lines(subjects, Promise("ours", "p50", 250, ("floor",), beyond=1.5))
        self.assertEqual(found[-1], ("ours - 1.5 floor", "p50", [250.0, 250.0], "us", 250))

    def test_an_own_limit_stands_beside_its_figure(self):
        found, *_ = lines({"ours": subject(*[{"cpu": 9.0}] * 2)}, Promise("ours", "cpu", 12))
        self.assertEqual(found, [("ours", "cpu", [9.0, 9.0], "us", 12)])

    def test_a_subject_that_is_not_there_is_named_and_left_out(self):
        def absent():
            raise Unable("no wheels")

        subjects = {"ours": subject(*[{"cpu": 9.0}] * 2), "peer": absent}
        found, asked, said = lines(subjects, Promise("ours", "cpu", 1, ("peer",)))
        self.assertEqual([line[0] for line in found], ["ours"])
        self.assertEqual(list(asked.missing), ["peer"])
        self.assertIn("peer is not there: no wheels", said)


def envelope(body, stream=STREAM):
    return replay.HEADER.pack(SERVER_VERSION, 0, stream, replay.RESULT, len(body)) + body


def taken_apart(data, framed, step):
    """The envelopes that a side finds in the bytes, when they arrive `step` at a time."""

    async def read():
        reader = asyncio.StreamReader()
        side = replay.Side(reader)
        side.framed = framed
        found = []
        for start in range(0, len(data), step):
            side.raw += data[start : start + step]
            while (one := side.next()) is not None:
                found.append(one)
        return found

    return asyncio.run(read())


class ReplayTests(unittest.TestCase):
    def test_a_segment_is_the_drivers(self):
        """Made by cassandra-driver 3.30 (cassandra/segment.py) of the payload 'abc', self-contained."""
        self.assertEqual(replay.segment(b"abc", True).hex(), "03000242967c616263087a36c5")

    def test_envelopes_come_out_of_segments_cut_anywhere(self):
        sizes = (0, 1, 500, replay.PAYLOAD_MAX, 3 * replay.PAYLOAD_MAX)
        sent = [envelope(bytes(size)) for size in sizes]
        data = b"".join(piece for one in sent for piece in replay.in_segments(one))
        for step in (1021, len(data)):
            self.assertEqual(taken_apart(data, True, step), sent)
        self.assertEqual(taken_apart(b"".join(sent[:3]), False, 1), sent[:3])

    def test_a_flipped_bit_is_seen(self):
        good = replay.segment(envelope(b"body"), True)
        for at in (0, 4, len(good) - 6, len(good) - 1):
            bad = bytearray(good)
            bad[at] ^= 1
            with self.assertRaises(ValueError):
                taken_apart(bad, True, len(bad))

    def test_an_answer_is_given_on_another_stream(self):
        for framed in (False, True):
            for size in (4, 2 * replay.PAYLOAD_MAX):
                body = bytes(range(4)) * (size // 4)
                answer = replay.Answer(envelope(body), framed)
                data = bytes(answer.on_stream(OTHER_STREAM)) + answer.others
                again = taken_apart(data, framed, len(data))
                self.assertEqual(again, [envelope(body, OTHER_STREAM)])


class FloorTests(unittest.TestCase):
    def test_the_floor_has_the_rows_of_the_schema(self):
        source = (BENCHMARKS / "cluster" / "floor.c").read_text()
        for name in ("ROWS", "STRIDE"):
            (number,) = re.findall(rf"\b{name} = (\d+)", source)
            self.assertEqual(int(number), getattr(schema, name))


if __name__ == "__main__":
    unittest.main()
