"""`lookalike open` and `lookalike serve`: an address as soon as there is one, photos while they come, a calm end."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
PATIENCE_SECONDS = 120


def get(url: str) -> Any:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=60) as answer:
        return json.load(answer)


def wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come to pass"
        time.sleep(0.05)


@contextlib.contextmanager
def serving(*arguments: object, env: dict[str, str] | None = None) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run a command that serves; gives the process and the address that it printed."""
    process = subprocess.Popen(
        [sys.executable, "-m", "lookalike", *map(str, arguments), "--port", "0", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **(env or {})},
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line, process.communicate()[1]
        yield process, json.loads(line)["url"]
    finally:
        process.kill()
        process.communicate()


def end(process: subprocess.Popen[str], number: int = signal.SIGINT) -> tuple[int, str, str]:
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=PATIENCE_SECONDS)
    return process.returncode, stdout, stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_answers_until_it_is_told_to_end(demo_collection, number) -> None:
    with serving("serve", "-c", demo_collection) as (process, url):
        assert get(f"{url}/api/v1/status")["photos"] == 153
        assert end(process, number) == (0, "", "")


def test_open_without_a_folder_shows_what_is_there(demo_collection) -> None:
    with serving("open", "-c", demo_collection, "--no-browser") as (process, url):
        status = get(f"{url}/api/v1/status")
        assert (status["photos"], status["jobs"]) == (153, [])
        assert end(process)[0] == 0


def test_open_adds_folders_while_it_serves(twelve_photos, tmp_path) -> None:
    collection = tmp_path / "photos.lookalike"
    (twelve_photos / "broken.jpg").write_bytes(b"no photo")
    with serving("open", twelve_photos, "-c", collection) as (process, url):
        wait_until(lambda: get(f"{url}/api/v1/status")["jobs"][0]["state"] == "done", "the end of the adding")
        status = get(f"{url}/api/v1/status")
        assert (status["photos"], status["failures"]) == (12, 1)
        assert len(get(f"{url}/api/v1/photos/1/similar?k=5")["hits"]) == 5
        assert end(process) == (0, "", "")


def test_open_interrupted_while_adding_keeps_what_was_done(many_photos, tmp_path, run_json) -> None:
    collection = tmp_path / "photos.lookalike"
    with serving("open", many_photos / "0", many_photos / "1", "-c", collection) as (process, url):
        wait_until(lambda: get(f"{url}/api/v1/status")["photos"] >= 8, "the first photos")
        code, _, stderr = end(process)
    assert code == 130
    assert "the same command goes on from there" in stderr
    stored = run_json("info", "-c", collection)["photos"]
    assert 8 <= stored < 306


def test_open_tells_people_the_address_and_what_was_added(twelve_photos, tmp_path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "lookalike", "open", str(twelve_photos), "-c", str(tmp_path / "c"), "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        lines = [process.stdout.readline(), process.stdout.readline()]
        code, _, stderr = end(process)
    finally:
        process.kill()
        process.communicate()
    assert "12 added" in lines[0]
    assert "holds 12 photos" in lines[1]
    assert "Explore at http://127.0.0.1:" in stderr
    assert code == 0


def test_the_browser_is_opened_only_where_there_is_a_display_and_it_is_wanted(demo_collection, tmp_path) -> None:
    browser = tmp_path / "browser"
    seen = tmp_path / "seen"
    browser.write_text(f'#!/bin/sh\necho "$1" >> {seen}\n')
    browser.chmod(0o755)
    env = {"BROWSER": f"{browser} %s", "DISPLAY": ":99"}
    with serving("open", "-c", demo_collection, env=env) as (process, url):
        wait_until(lambda: seen.exists() and seen.read_text() == f"{url}\n", "the browser")
        end(process)
    seen.unlink()
    for arguments, environment in (
        (["--no-browser"], env),
        ([], {**env, "DISPLAY": ""}),
    ):
        with serving("open", "-c", demo_collection, *arguments, env=environment) as (process, url):
            get(f"{url}/api/v1/status")
            end(process)
        assert not seen.exists()


def test_a_taken_port_is_an_error_that_says_how_to_go_on(run, demo_collection) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = run("serve", "-c", demo_collection, "--port", port)
    assert result.exit_code == 1
    assert f"Port {port} is in use" in result.stderr


def test_an_address_of_another_machine_is_an_error(run, demo_collection) -> None:
    result = run("serve", "-c", demo_collection, "--host", "192.0.2.1", "--port", 0)
    assert result.exit_code == 1
    assert "192.0.2.1" in result.stderr
