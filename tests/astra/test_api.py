"""The stand-in of the DevOps API: who may ask, keyspaces, the bundle, waking up."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
import uuid

import pytest
from conftest import BundleClient

PATIENCE_S = 30.0


class Api:
    def __init__(self, astra):
        self.astra = astra
        self.one = f"/v2/databases/{astra.database_id}"

    def call(self, method, path, token=None, header="Authorization", base=None):
        """The status, and the answer: decoded if it is JSON."""
        request = urllib.request.Request((base or self.astra.api.url) + path, method=method)
        prefix = "Bearer " if header == "Authorization" else ""
        request.add_header(header, prefix + (token or self.astra.token))
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
                return answer.status, _decode(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, _decode(error)

    def database(self):
        return self.call("GET", self.one)[1]

    def wait_until_active(self):
        deadline = time.monotonic() + PATIENCE_S
        while self.database()["status"] != "ACTIVE":
            assert time.monotonic() < deadline
            time.sleep(0.05)


def _decode(answer):
    body = answer.read()
    return (
        json.loads(body) if answer.headers["Content-Type"] == "application/json" and body else body
    )


@pytest.fixture
def api(astra):
    return Api(astra)


@pytest.mark.parametrize("token", ["AstraCS:x", "something"])
def test_a_wrong_token(api, token):
    for method, path in (("GET", "/v2/databases"), ("POST", api.one + "/secureBundleURL")):
        status, answer = api.call(method, path, token)
        assert status == 401
        assert answer["errors"][0]["ID"] in (340012, 340018)


def test_the_database(api, astra):
    status, databases = api.call("GET", "/v2/databases?include=nonterminated&limit=100")
    assert status == 200
    (database,) = databases
    assert database["id"] == astra.database_id
    assert database["status"] == "ACTIVE"
    assert astra.keyspace in database["info"]["keyspaces"]
    assert api.call("GET", f"/v2/databases?starting_after={astra.database_id}") == (200, [])
    assert api.call("GET", f"/v2/databases/{uuid.uuid4()}")[0] == 404
    assert api.call("GET", "/v2/nothing")[0] == 404


def test_keyspaces(api, astra, client):
    path = api.one + "/keyspaces/made_by_api"
    assert api.call("POST", path)[0] == 201
    assert api.database()["status"] == "MAINTENANCE"
    api.wait_until_active()
    assert api.call("POST", path)[0] == 422
    assert api.call("POST", api.one + "/keyspaces/9x")[0] == 422
    assert "made_by_api" in api.database()["info"]["keyspaces"]
    with client.connect(None, "token", astra.token) as connection:
        connection.query("CREATE TABLE made_by_api.t (k int PRIMARY KEY)")
    astra.settle()
    assert api.call("DELETE", path)[0] == 204
    api.wait_until_active()
    assert api.call("DELETE", path)[0] == 404


def test_the_bundle(api, astra):
    status, answer = api.call("POST", api.one + "/secureBundleURL")
    assert status == 200
    with urllib.request.urlopen(answer["downloadURL"]) as download:  # no token: the link is enough
        bundle = download.read()
    assert BundleClient(bundle).metadata()[0] == 200
    (region,) = api.call("POST", api.one + "/secureBundleURL?all=true")[1]
    assert region["datacenterID"] == f"{astra.database_id}-1"
    astra.api.links.update(dict.fromkeys(astra.api.links, 0.0))
    assert api.call("GET", "", base=answer["downloadURL"]) == (403, b"Request has expired")


def test_waking_up(api, astra, client):
    astra.hibernate()
    astra.status.resume_s = 0.5
    database = api.database()
    assert database["status"] == "HIBERNATED"
    assert api.call("POST", api.one + "/keyspaces/other")[0] == 409
    touch = ("GET", "/v2/schemas/keyspace")
    where = {"header": "X-Cassandra-Token", "base": database["dataEndpointUrl"]}
    assert api.call(*touch, token="AstraCS:x", **where)[0] == 401
    words = {"message": "Resuming your database, please try again shortly."}
    assert api.call(*touch, **where) == (503, words)
    assert api.database()["status"] == "RESUMING"
    assert client.metadata()[0] == 401
    api.wait_until_active()
    assert api.call(*touch, **where)[0] == 200
    assert client.metadata()[0] == 200
