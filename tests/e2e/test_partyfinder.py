"""Partyfinder as a visitor uses it, in a browser, on the embedded engine."""

import http.cookiejar
import pathlib
import re
import threading
import urllib.error
import urllib.parse
import urllib.request

import pytest
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCREENSHOTS = ROOT / "build" / "screenshots"
TABS = 8


def press(page, text):
    """Press the button with this text, and wait for the page that follows."""
    page.execute_script("window.isThePageBefore = true")
    page.find_element(By.XPATH, f"//button[contains(., '{text}')]").click()
    arrived = "return !window.isThePageBefore && document.readyState === 'complete'"
    wait = WebDriverWait(page, 10, ignored_exceptions=[WebDriverException])
    wait.until(lambda page: page.execute_script(arrived))


def people(page):
    return int(page.find_element(By.ID, "people").text)


def post_party(page, site, city, name, people=0, date="2031-05-01T20:00"):
    """Post a party through the form; the browser is on its page then."""
    page.get(f"{site.url}/partyfinder/new/?city={urllib.parse.quote(city)}")
    page.find_element(By.NAME, "name").send_keys(name)
    field = page.find_element(By.NAME, "date")
    page.execute_script("arguments[0].value = arguments[1]", field, date)
    count = page.find_element(By.NAME, "people")
    count.clear()
    count.send_keys(str(people))
    press(page, "Post")
    assert "/detail/" in page.current_url


def picture(page, name):
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.save_screenshot(str(SCREENSHOTS / f"{name}.png"))


def test_browse_a_city(browser, site):
    browser.get(site.url)
    assert browser.current_url.endswith("/partyfinder/")
    picture(browser, "index")
    browser.find_element(By.NAME, "city").send_keys("Lisbon")
    press(browser, "Browse")
    assert urllib.parse.urlparse(browser.current_url).path == "/partyfinder/list/Lisbon/"
    picture(browser, "list")
    dates = [
        e.get_attribute("datetime") for e in browser.find_elements(By.CSS_SELECTOR, "main time")
    ]
    assert len(dates) == 3
    assert dates == sorted(dates, reverse=True)


def test_post_join_leave_and_delete(browser, site):
    post_party(browser, site, "Tromsø", "Aurora & <soup>", people=1)
    assert browser.find_element(By.TAG_NAME, "h1").text == "Aurora & <soup>"
    assert people(browser) == 1
    press(browser, "Count me in")
    assert people(browser) == 2
    press(browser, "Count me out")
    assert people(browser) == 1
    press(browser, "Count me out")
    assert people(browser) == 0
    assert not browser.find_elements(By.XPATH, "//button[contains(., 'Count me out')]")
    picture(browser, "party")
    press(browser, "Delete this party")
    assert "Nothing turned up" in browser.find_element(By.TAG_NAME, "main").text


def test_of_two_tabs_the_stale_one_is_told(browser, site):
    post_party(browser, site, "Turku", "Two tabs", people=3)
    first = browser.current_window_handle
    url = browser.current_url
    browser.switch_to.new_window("tab")
    browser.get(url)
    press(browser, "Count me in")
    assert people(browser) == 4
    browser.close()
    browser.switch_to.window(first)
    assert people(browser) == 3
    press(browser, "Count me in")
    notice = browser.find_element(By.CLASS_NAME, "notice").text
    assert "you saw 3, by now it is 4" in notice
    assert people(browser) == 4
    picture(browser, "stale")
    press(browser, "Count me in")
    assert people(browser) == 5


def test_form_errors_are_shown(browser, site):
    browser.get(f"{site.url}/partyfinder/new/")
    browser.execute_script("document.querySelector('main form').noValidate = true")
    browser.find_element(By.NAME, "city").send_keys("a/b")
    press(browser, "Post")
    errors = browser.find_element(By.TAG_NAME, "main").text
    assert "cannot contain a slash" in errors
    assert "This field is required" in errors


@pytest.mark.parametrize("path", ["", "list/Berlin/", "new/"])
def test_pages_fit_a_phone(phone, site, path):
    phone.get(f"{site.url}/partyfinder/{path}")
    picture(phone, f"phone-{path.strip('/').replace('/', '-') or 'index'}")
    wide = phone.execute_script("return document.documentElement.scrollWidth")
    assert wide <= phone.execute_script("return window.innerWidth")


class Visitor:
    """A browser's cookies and forms, without the browser: many of them press a button at once."""

    def __init__(self, url):
        self.url = url
        cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self.opener = urllib.request.build_opener(cookies)
        with self.opener.open(url, timeout=30) as response:
            page = response.read().decode()
        self.token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)[1]
        self.action = re.search(r'action="(/partyfinder/change_people/[^"]+)"', page)[1]
        self.status = None
        self.page = ""

    def count_me_in(self, seen):
        fields = {"csrfmiddlewaretoken": self.token, "seen": seen, "delta": "1"}
        target = urllib.parse.urljoin(self.url, self.action)
        try:
            with self.opener.open(target, urllib.parse.urlencode(fields).encode(), 30) as response:
                self.status, self.page = response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            self.status, self.page = error.code, error.read().decode()


@pytest.mark.parametrize("round", range(5))
def test_of_eight_at_once_one_wins(browser, site, round):
    post_party(browser, site, "Tampere", f"Rush {round}", people=10)
    visitors = [Visitor(browser.current_url) for _ in range(TABS)]
    start = threading.Barrier(TABS)

    def rush(visitor):
        start.wait()
        visitor.count_me_in(10)

    threads = [threading.Thread(target=rush, args=[visitor]) for visitor in visitors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(visitor.status for visitor in visitors) == [200] + [409] * (TABS - 1)
    told = [v for v in visitors if "you saw 10, by now it is 11" in v.page]
    assert len(told) == TABS - 1
    browser.refresh()
    assert people(browser) == 11


def test_stopping_and_starting_keeps_the_data(browser, site):
    post_party(browser, site, "Oulu", "Still there", people=7)
    url = browser.current_url
    site.stop()
    site.start()
    browser.get(url)
    assert people(browser) == 7
    assert "Traceback" not in site.log()
