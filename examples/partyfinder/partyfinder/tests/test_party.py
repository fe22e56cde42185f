"""What the site promises, page by page."""

import uuid
from datetime import datetime, timedelta, timezone

from django.test import Client, TestCase
from django.urls import reverse

from ..models import Party
from ..pages import PAGE_LENGTH
from ..sample import SAMPLE, load_sample

DATE = datetime(2030, 5, 1, 20, 0, tzinfo=timezone.utc)


def make(city="Oslo", name="Soup", people=0, days=0):
    return Party.objects.create(
        city=city, name=name, people=people, date=DATE + timedelta(days=days)
    )


def change(client, party, seen, delta):
    url = reverse("partyfinder:change_people", args=[party.city, party.id])
    return client.post(url, {"seen": seen, "delta": delta})


class BrowseTests(TestCase):
    def test_the_root_leads_to_the_site(self):
        self.assertRedirects(self.client.get("/"), "/partyfinder/")

    def test_the_front_page_lists_the_cities(self):
        make("Oslo")
        make("Oslo", days=1)
        make("Bergen")
        response = self.client.get("/partyfinder/")
        self.assertEqual(response.context["cities"], ["Bergen", "Oslo"])

    def test_choosing_a_city_leads_to_its_list(self):
        response = self.client.get("/partyfinder/", {"city": "São Paulo"})
        self.assertRedirects(response, "/partyfinder/list/S%C3%A3o%20Paulo/")

    def test_a_list_is_newest_first_and_of_one_city(self):
        for days in (1, 3, 2):
            make(name=f"day {days}", days=days)
        make("Bergen")
        with self.assertNumQueries(1):
            response = self.client.get("/partyfinder/list/Oslo/")
        names = [party.name for party in response.context["parties"]]
        self.assertEqual(names, ["day 3", "day 2", "day 1"])

    def test_an_unknown_city_has_an_empty_list(self):
        self.assertContains(self.client.get("/partyfinder/list/Nowhere/"), "Nothing turned up")

    def test_pages_show_each_party_once(self):
        # Many on the same date, so that a page ends among equal dates.
        for number in range(PAGE_LENGTH * 2 + 7):
            make(name=str(number), days=number // 40)
        seen, before = [], None
        for length in (PAGE_LENGTH, PAGE_LENGTH, 7):
            query = {"before": before} if before else {}
            context = self.client.get("/partyfinder/list/Oslo/", query).context
            self.assertEqual(len(context["parties"]), length)
            seen += context["parties"]
            before = context["older"]
        self.assertIsNone(before)
        self.assertEqual(len({party.id for party in seen}), PAGE_LENGTH * 2 + 7)
        self.assertEqual(seen, sorted(seen, key=lambda party: (-party.date.timestamp(), party.id)))

    def test_a_forged_page_is_the_first_page(self):
        make()
        for before in (
            "x",
            "2030-05-01,no",
            f"2030-13-01T00:00:00+00:00,{uuid.uuid4()}",
            ",",
            "\0",
        ):
            response = self.client.get("/partyfinder/list/Oslo/", {"before": before})
            self.assertEqual(len(response.context["parties"]), 1, before)

    def test_the_sample_is_loaded_once(self):
        self.assertEqual(load_sample(), sum(map(len, SAMPLE.values())))
        self.assertEqual(load_sample(), 0)


class NewPartyTests(TestCase):
    valid = {"city": "Oslo", "name": "Soup", "date": "2030-05-01T20:00", "people": "2"}

    def test_a_posted_party_is_there(self):
        response = self.client.post("/partyfinder/new/", self.valid)
        party = Party.objects.get(city="Oslo")
        self.assertRedirects(response, f"/partyfinder/detail/Oslo/{party.id}")
        self.assertEqual((party.name, party.people, party.date), ("Soup", 2, DATE))

    def test_bad_input_is_a_form_error(self):
        cases = [
            {},
            {"city": ""},
            {"city": "a/b"},
            {"city": ".."},
            {"city": "x" * 51},
            {"city": "Os\x00lo"},
            {"city": "Os\nlo\tx"},
            {"name": ""},
            {"name": "x" * 201},
            {"people": "-1"},
            {"people": "many"},
            {"people": "9" * 30},
            {"date": "tomorrow"},
            {"date": "99999-01-01T00:00"},
        ]
        for case in cases:
            with self.subTest(case=case):
                response = self.client.post(
                    "/partyfinder/new/", {**self.valid, **case} if case else {}
                )
                self.assertEqual(response.status_code, 200)
                self.assertTrue(response.context["form"].errors)
        self.assertFalse(Party.objects.exists())

    def test_the_city_is_taken_over_from_the_list(self):
        self.assertContains(self.client.get("/partyfinder/new/?city=Oslo"), 'value="Oslo"')


class PartyTests(TestCase):
    def test_a_party_has_a_page(self):
        party = make(name="<b>Soup</b>")
        response = self.client.get(party.get_absolute_url())
        self.assertContains(response, "&lt;b&gt;Soup")

    def test_what_is_not_there_is_404(self):
        party = make()
        for path in (
            f"detail/Oslo/{uuid.uuid4()}",
            f"detail/Bergen/{party.id}",
            "detail/Oslo/not-a-uuid",
            f"detail/a/b/{party.id}",
            f"list/{'x' * 51}/",
            "list/a%2Fb/",
        ):
            with self.subTest(path=path):
                self.assertEqual(self.client.get(f"/partyfinder/{path}").status_code, 404)
        for path in (f"delete/Bergen/{party.id}", f"change_people/Oslo/{uuid.uuid4()}"):
            with self.subTest(path=path):
                response = self.client.post(f"/partyfinder/{path}", {"seen": "0", "delta": "1"})
                self.assertEqual(response.status_code, 404)

    def test_reading_changes_nothing(self):
        party = make()
        for name in ("delete_party", "change_people"):
            url = reverse(f"partyfinder:{name}", args=[party.city, party.id])
            self.assertEqual(self.client.get(url).status_code, 405)
        self.assertTrue(Party.objects.filter(pk=party.pk).exists())

    def test_a_post_without_a_token_is_refused(self):
        party = make()
        client = Client(enforce_csrf_checks=True)
        self.assertEqual(change(client, party, 0, 1).status_code, 403)

    def test_delete(self):
        party = make()
        response = self.client.post(f"/partyfinder/delete/Oslo/{party.id}")
        self.assertRedirects(response, "/partyfinder/list/Oslo/")
        self.assertFalse(Party.objects.filter(pk=party.pk).exists())


class CountMeInTests(TestCase):
    def people(self, party):
        return Party.objects.get(pk=party.pk).people

    def test_in_and_out(self):
        party = make(people=1)
        self.assertRedirects(change(self.client, party, 1, "1"), party.get_absolute_url())
        self.assertEqual(self.people(party), 2)
        change(self.client, party, 2, "-1")
        self.assertEqual(self.people(party), 1)

    def test_of_two_open_tabs_the_stale_one_is_told(self):
        party = make(people=4)
        change(self.client, party, 4, "1")
        response = change(self.client, party, 4, "1")
        self.assertContains(response, "you saw 4, by now it is 5", status_code=409)
        self.assertEqual(self.people(party), 5)

    def test_never_below_zero(self):
        party = make(people=0)
        response = change(self.client, party, 0, "-1")
        self.assertContains(response, "Nobody is coming yet", status_code=400)
        self.assertEqual(self.people(party), 0)

    def test_a_forged_delta_is_a_form_error(self):
        party = make(people=5)
        for seen, delta in [(5, "-100"), (5, "x"), (5, ""), ("", "1"), (-1, "1"), ("9" * 40, "1")]:
            with self.subTest(seen=seen, delta=delta):
                self.assertEqual(change(self.client, party, seen, delta).status_code, 400)
        self.assertEqual(self.people(party), 5)

    def test_the_condition_travels_with_the_write(self):
        party = make(people=3)
        with self.assertNumQueries(1):
            updated = Party.objects.filter(
                pk=party.pk, city=party.city, date=party.date, people=2
            ).update(people=3)
        self.assertEqual(updated, 0)
