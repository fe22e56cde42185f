"""The checker of histories finds what it is there for, and nothing in what can have happened."""

import json
import math
import unittest

from history import Call, History, read


def call(op, key, name, begin, end, told="done"):
    return Call(op, key, name, begin, end, told)


class HistoryTests(unittest.TestCase):
    def check(self, calls, rows, *problems, claims=None):
        """The problems of a history, each by a part of its text. claims: if not those of the rows."""
        found = History(
            calls, rows, {n: k for k, n in rows} if claims is None else claims
        ).problems()
        self.assertEqual(len(found), len(problems), found)
        for text, part in zip(found, problems, strict=True):
            self.assertIn(part, text)

    # --- what can have happened ---

    def test_one_after_the_other(self):
        self.check(
            [
                call("create", 1, "a", 0, 1),
                call("create", 2, "a", 2, 3, "name taken"),
                call("rename", 1, "b", 4, 5),
                call("create", 2, "a", 6, 7),
                call("delete", 1, None, 8, 9),
                call("rename", 1, "c", 10, 11, "no row"),
                call("create", 2, "d", 12, 13, "key taken"),
            ],
            [(2, "a")],
        )

    def test_at_the_same_time(self):
        """The refused one may have come first or last, the row may have been there or not."""
        self.check(
            [
                call("create", 1, "a", 0, 5),
                call("create", 2, "a", 1, 4, "name taken"),
                call("rename", 1, "b", 2, 6),
                call("delete", 1, None, 3, 7, "no row"),
            ],
            [(1, "b")],
        )

    def test_who_was_killed_may_have_written_or_not(self):
        killed = call("create", 1, "a", 0, math.inf, "unknown")
        self.check([killed], [(1, "a")])
        self.check([killed], [])
        self.check([killed], [], claims={"a": 1})
        self.check([killed, call("create", 2, "a", 5, 6, "name taken")], [])
        self.check([killed, call("delete", 1, None, 5, 6)], [])
        self.check([killed, call("delete", 1, None, 5, 6, "no row")], [(1, "a")])

    def test_a_claim_that_a_rename_left(self):
        self.check(
            [call("create", 1, "a", 0, 1), call("rename", 1, "b", 2, math.inf, "unknown")],
            [(1, "b")],
            claims={"b": 1, "a": 1},
        )

    # --- what cannot ---

    def test_two_owners(self):
        calls = [call("create", 1, "a", 0, 1), call("create", 2, "a", 2, 3)]
        self.check(
            calls,
            [(1, "a"), (2, "a")],
            "'a' is held by the rows [1, 2]",
            "'a' was held twice",
            "the name was held by another row all the time",
        )
        killed = call("create", 2, "a", 2, math.inf, "unknown")
        self.check([calls[0], killed], [(1, "a"), (2, "a")], "'a' is held by the rows")

    def test_two_owners_for_a_while(self):
        self.check(
            [
                call("create", 1, "a", 0, 1),
                call("create", 2, "a", 0, 2),
                call("delete", 1, None, 3, 4),
            ],
            [(2, "a")],
            "'a' was held twice",
        )

    def test_a_row_without_its_claim(self):
        calls = [call("create", 1, "a", 0, 1)]
        self.check(calls, [(1, "a")], "'a' of the row 1 is claimed for None", claims={})
        self.check(calls, [(1, "a")], "'a' of the row 1 is claimed for 2", claims={"a": 2})

    def test_a_claim_from_nowhere(self):
        calls = [call("create", 1, "a", 0, 1), call("delete", 1, None, 2, 3)]
        self.check(calls, [], "'a' is claimed for 1, and no call", claims={"a": 1})
        self.check(calls, [], "'b' is claimed for 1, and no call", claims={"b": 1})

    def test_a_lost_row(self):
        self.check(
            [call("create", 1, "a", 0, 1)],
            [],
            "the row 1 has the name None at the end",
            "the row 1 was created and deleted",
        )

    def test_a_lost_rename(self):
        self.check(
            [call("create", 1, "a", 0, 1), call("rename", 1, "b", 2, 3)],
            [(1, "a")],
            "the row 1 has the name 'a' at the end",
        )

    def test_a_delete_that_was_none(self):
        self.check(
            [call("create", 1, "a", 0, 1), call("delete", 1, None, 2, 3)],
            [(1, "a")],
            "the row 1 has the name 'a' at the end",
            "the row 1 was created and deleted",
        )

    def test_a_name_that_nobody_held(self):
        self.check(
            [call("create", 1, "a", 0, 1, "name taken")], [], "no row can have been the reason"
        )
        self.check(
            [
                call("create", 1, "a", 0, 1),
                call("rename", 1, "b", 2, 3),
                call("create", 2, "a", 4, 5, "name taken"),
            ],
            [(1, "b")],
            "no row can have been the reason: create(2, a)",
        )
        self.check(
            [call("create", 2, "a", 0, 1, "name taken"), call("create", 1, "a", 2, 3)],
            [(1, "a")],
            "no row can have been the reason: create(2, a)",
        )
        self.check(
            [call("create", 1, "a", 0, 1, "nothing"), call("create", 2, "a", 0, 1, "name taken")],
            [],
            "no row can have been the reason: create(2, a)",
        )

    def test_a_key_that_was_free(self):
        self.check(
            [
                call("create", 1, "a", 0, 1),
                call("delete", 1, None, 2, 3),
                call("create", 1, "b", 4, 5, "key taken"),
            ],
            [],
            "no row can have been the reason: create(1, b)",
        )

    def test_a_success_that_cannot_be(self):
        made = call("create", 1, "a", 0, 1)
        self.check(
            [made, call("create", 1, "b", 2, 3)],
            [(1, "b")],
            "the row 1 was created and deleted",
            "the row was there all the time: create(1, b)",
        )
        self.check(
            [
                made,
                call("create", 2, "b", 0, 1),
                call("rename", 2, "a", 2, 3),
                call("delete", 1, None, 4, 5),
            ],
            [(2, "a")],
            "'a' was held twice",
            "the name was held by another row all the time: rename(2, a)",
        )
        self.check(
            [call("rename", 3, "a", 0, 1)],
            [(3, "a")],
            "was created",
            "the row was not there all the time",
        )
        self.check(
            [made, call("delete", 1, None, 2, 3), call("delete", 1, None, 4, 5)],
            [],
            "the row 1 was created and deleted",
            "the row was not there all the time: delete(1)",
        )

    def test_a_row_that_was_not_seen(self):
        self.check(
            [call("create", 1, "a", 0, 1), call("rename", 1, "b", 2, 3, "no row")],
            [(1, "a")],
            "the row was there all the time: rename(1, b)",
        )

    # --- logs ---

    def test_a_log_that_was_cut_off(self):
        entries = [
            {"call": 1, "op": "create", "key": 1, "name": "a", "begin": 0.5},
            {"call": 1, "end": 1.5, "told": "done"},
            {"call": 2, "op": "delete", "key": 1, "name": None, "begin": 2.5},
        ]
        lines = [json.dumps(entry) + "\n" for entry in entries]
        self.assertEqual(
            read([*lines, '{"call": 2, "en']),
            [
                call("create", 1, "a", 0.5, 1.5),
                call("delete", 1, None, 2.5, math.inf, "unknown"),
            ],
        )
