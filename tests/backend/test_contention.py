"""Many processes on one file: nothing is lost, nothing is written twice. See forked.py for the size."""

from django.test import SimpleTestCase, tag
from forked import PROCESSES, WRITES, run_script
from settings import AS_CLUSTER, CLUSTER


@tag("long")
class CreateTests(SimpleTestCase):
    def test_ids_among_processes_with_a_quarter_chosen(self):
        """Chosen ids lie in the way of those that the counter gives."""
        body = """
import random
def create(i):
    chance, mine, refused = random.Random(i), [], 0
    for j in range(WRITES):
        mark = i * WRITES + j + 1
        if j % 4:
            mine.append([Row.objects.create(n=mark).pk, mark])
            continue
        while True:
            chosen = mine[-1][0] + chance.randrange(1, 50) if mine else chance.randrange(1, 50)
            try:
                mine.append([Row.objects.create(pk=chosen, n=mark).pk, mark])
                break
            except IntegrityError:
                refused += 1
    return [mine, refused]
made = fork(PROCESSES, create, report=False)
print(json.dumps([pair for mine, _ in made for pair in mine]))
print(json.dumps(list(Row.objects.values_list("pk", "n"))))
print(json.dumps(Row.objects.create().pk))
"""
        made, stored, following = run_script(body)
        self.assertEqual(len(made), PROCESSES * WRITES)
        self.assertEqual(len({pk for pk, _ in made}), PROCESSES * WRITES)
        self.assertEqual(sorted(made), sorted(stored))  # each with what its maker wrote
        self.assertGreater(following, max(pk for pk, _ in made))

    def test_one_of_many_makes_a_row(self):
        body = """
def make(i):
    tag, created = Tag.objects.get_or_create(name="one", defaults={"n": i})
    return [created, tag.n]
fork(max(PROCESSES, 8), make)
print(json.dumps(Tag.objects.get().n))
"""
        *told, stored = run_script(body)
        self.assertEqual(sum(created for created, _ in told), 1)
        self.assertEqual({n for _, n in told}, {stored})

    def test_bulk_create(self):
        body = """
def create(i):
    made = (Row.objects.bulk_create([Row(n=i) for _ in range(WRITES // 4)]) for _ in range(4))
    return [row.pk for rows in made for row in rows]
fork(PROCESSES, create)
print(json.dumps(list(Row.objects.values_list("pk", "n"))))
"""
        *told, stored = run_script(body)
        made = [[pk, i] for i, pks in enumerate(told) for pk in pks]
        self.assertEqual(sorted(made), sorted(stored))

    def test_plain_creates(self):
        """Ids come from lightweight transactions in plain mode too."""
        body = """
fork(PROCESSES, lambda i: [Row.objects.create(n=i).pk for _ in range(WRITES)])
print(json.dumps(list(Row.objects.values_list("pk", "n"))))
"""
        *told, stored = run_script(body, mode="plain")
        made = [[pk, i] for i, pks in enumerate(told) for pk in pks]
        self.assertEqual(sorted(made), sorted(stored))
        self.assertEqual(len(stored), PROCESSES * WRITES)


@tag("long")
class UpdateTests(SimpleTestCase):
    def test_the_sum_is_exact(self):
        body = """
row = Row.objects.create(n=0)
def add(i):
    return sum(Row.objects.filter(pk=row.pk).update(n=F("n") + 1) for _ in range(WRITES))
fork(PROCESSES, add)
print(Row.objects.get().n)
"""
        *told, total = run_script(body)
        self.assertEqual(told, [WRITES] * PROCESSES)
        self.assertEqual(total, PROCESSES * WRITES)

    def test_the_sum_over_many_rows(self):
        """Each update touches all rows; some lose on some of them."""
        body = """
Tag.objects.bulk_create([Tag(name=str(j)) for j in range(20)])
fork(PROCESSES, lambda i: [Tag.objects.update(n=F("n") + 1) for _ in range(WRITES // 10)])
print(json.dumps(list(Tag.objects.values_list("n", flat=True))))
"""
        *told, stored = run_script(body)
        self.assertEqual(told, [[20] * (WRITES // 10)] * PROCESSES)
        self.assertEqual(stored, [PROCESSES * (WRITES // 10)] * 20)

    def test_each_step_is_taken_once(self):
        """A filter is a compare-and-set: of those who try the same step one succeeds."""
        body = """
row = Row.objects.create(n=0)
def climb(i):
    return sum(Row.objects.filter(pk=row.pk, n=step).update(n=step + 1) for step in range(WRITES))
fork(PROCESSES, climb)
print(Row.objects.get().n)
"""
        *told, height = run_script(body)
        self.assertEqual(sum(told), height)
        self.assertGreaterEqual(height, max(told))

    def test_a_claim_on_null(self):
        body = """
Tag.objects.bulk_create([Tag(name=str(j)) for j in range(WRITES)])
def claim(i):
    return [j for j in range(WRITES) if Tag.objects.filter(name=str(j), owner=None).update(owner=i)]
fork(PROCESSES, claim)
print(json.dumps(list(Tag.objects.values_list("name", "owner"))))
"""
        *told, stored = run_script(body)
        claimed = [[str(j), i] for i, names in enumerate(told) for j in names]
        self.assertEqual(sorted(claimed), sorted(stored))


class MoveTests(SimpleTestCase):
    def test_a_row_that_all_move_and_count_up(self):
        body = """
place = Place.objects.create(city="start")
def change(i):
    mine, done = Place.objects.filter(pk=place.pk), 0
    for j in range(WRITES // 4):
        done += mine.update(city=f"city {i} {j}", n=F("n") + 1) if j % 2 else mine.update(n=F("n") + 1)
    return done
fork(PROCESSES, change)
print(json.dumps(list(Place.objects.values_list("n", flat=True))))
"""
        *told, stored = run_script(body)
        self.assertEqual(told, [WRITES // 4] * PROCESSES)
        self.assertEqual(stored, [PROCESSES * (WRITES // 4)])

    def test_a_row_that_moves_is_deleted_once(self):
        body = """
places = [Place.objects.create(city="start") for _ in range(WRITES // 4)]
def change(i):
    done = 0
    for place in places:
        if i % 3 == 0:
            done += Place.objects.filter(pk=place.pk).delete()[0]
        else:
            Place.objects.filter(pk=place.pk).update(city=f"city {i}")
    return done
fork(PROCESSES, change)
print(Place.objects.count())
for place in places:
    Place.objects.filter(pk=place.pk).delete()
print(Place.objects.count())
"""
        *told, left, last = run_script(body)
        self.assertEqual(last, 0)
        if CLUSTER or AS_CLUSTER:
            # A moving row is two rows: two deletes may find one each, and a second move may take one of them further.
            self.assertGreaterEqual(sum(told), WRITES // 4 - left)
            self.assertLess(left, WRITES // 4)
        else:
            self.assertEqual((sum(told), left), (WRITES // 4, 0))
