"""Finding what a request is for, and loading that when it is first asked for."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest

from muxi.server.router import Router, head_of
from muxi.server.table import RESOURCES, all_operations


@pytest.mark.parametrize(
    ("path", "head"),
    [
        ("/api/runs", "/api/runs"),
        ("/api/runs/run_1/events", "/api/runs"),
        ("/v1/chat/completions", "/v1/chat"),
        ("/agui/helper", "/agui"),
        ("/login", "/login"),
        ("/", "/"),
        ("", ""),
        ("/api", "/api"),
        ("/api/", "/api/"),
        ("//api/runs", "/"),
    ],
)
def test_a_path_tells_its_resource(path: str, head: str):
    assert head_of(path) == head


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.module)
def test_a_resource_is_known_by_all_of_its_paths_and_by_no_others(resource):
    assert set(resource.heads) == {head_of(each.path) for each in resource.operations()}


def test_no_method_of_a_path_is_there_twice():
    served = [(each.method, each.path) for each in all_operations()]
    assert len(served) == len(set(served))


async def test_every_operation_is_found():
    router = Router(RESOURCES)
    for operation in all_operations():
        path = operation.path.replace("{", "").replace("}", "")
        found = await router.find(path, operation.method)
        assert found.operation is not None, path
        if operation.path == path:
            assert found.operation is operation


async def test_many_who_ask_first_find_the_same():
    router = Router(RESOURCES)
    asked = [router.find("/api/keys", "GET") for _ in range(20)]
    found = [each.operation for each in await asyncio.gather(*asked)]
    assert found[0] is not None
    assert all(each is found[0] for each in found)


async def test_what_is_nowhere_is_found_nowhere():
    router = Router(RESOURCES)
    for path in ("/nothing", "/api/nothing", "/api/keys/../runs", "", "/api", "\0"):
        found = await router.find(path, "GET")
        assert found.operation is None
        assert found.place.methods == {}
    assert (await router.find("/api/runs", "BREW")).operation is None
    assert (await router.find("/healthz", "HEAD")).operation is not None


def test_a_server_loads_no_resource_that_nobody_has_asked_for():
    program = """
import sys
from muxi.server.router import Router
from muxi.server.table import RESOURCES
Router(RESOURCES)
loaded = {each.module for each in RESOURCES if f"muxi.server.{each.module}" in sys.modules}
print(*sorted(loaded))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == sorted(each.module for each in RESOURCES if each.eager)
