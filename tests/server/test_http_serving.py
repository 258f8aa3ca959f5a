"""The server as a process: it starts, adds photos, and ends as it should."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest

import lookalike
from lookalike.errors import InvalidArgumentError, ServerError
from lookalike.server import AddJob, create_app, serve
from lookalike.server.messages import Job

PROGRAM = """
import os, sys, lookalike
from lookalike.server import serve
if hasattr(os, "sched_setaffinity"):  # one core, hence one worker: slow enough to be interrupted on any machine
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
with lookalike.Collection.open(sys.argv[1], encoder="efficientnet-lite0") as photos:
    serve(photos, port=0, add=sys.argv[2:], on_ready=lambda url: print(url, flush=True))
print("closed", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_server_that_adds_photos_and_what_was_added_stays(demo_photos, tmp_path, number):
    collection = tmp_path / "c.lookalike"
    lookalike.Collection.open(collection, encoder="efficientnet-lite0").close()
    command = [sys.executable, "-W", "error", "-c", PROGRAM, str(collection), str(demo_photos)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            url = process.stdout.readline().strip()
            assert url.startswith("http://127.0.0.1:"), process.stderr.read()
            with httpx.Client(base_url=url, timeout=60) as client:
                while True:
                    status = client.get("/api/v1/status").json()
                    (job,) = status["jobs"]
                    if job["state"] not in ("counting", "running") or job["done"] >= 8:
                        break
                    time.sleep(0.02)
                assert job["state"] == "running"
                assert job["total"] == 153
                assert len(client.get("/api/v1/photos").json()["photos"]) >= 8
                first = client.get("/api/v1/photos?limit=1").json()["photos"][0]["id"]
                assert client.get(f"/api/v1/photos/{first}/similar").json()["hits"]
            process.send_signal(number)
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (process.returncode, out, err) == (0, "closed\n", "")
    with lookalike.Collection.open(collection, create=False) as photos:
        n_kept = len(photos)
        assert job["done"] <= n_kept < 153
        assert photos.add(sorted(demo_photos.glob("*/*.webp"))[0]).state == "done"  # nothing holds the lock


LIMITED = """
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (80, 80))
"""


@pytest.mark.skipif(os.name == "nt", reason="POSIX limits")
def test_more_connections_than_may_be_open_are_told_once_and_wait(demo_collection):
    command = [sys.executable, "-c", LIMITED + PROGRAM.replace(', encoder="efficientnet-lite0"', ""), demo_collection]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            url = process.stdout.readline().strip()
            port = int(url.rpartition(":")[2])
            with contextlib.ExitStack() as idle:
                for _ in range(100):
                    idle.enter_context(socket.create_connection(("127.0.0.1", port)))
                time.sleep(3)  # tries to accept come once a second
            assert httpx.get(f"{url}/api/v1/status", timeout=60).status_code == 200
            process.terminate()
            _, told = process.communicate(timeout=60)
        finally:
            process.kill()
    assert told.startswith("New connections wait, as too many are open")
    assert told.count("\n") == 1


def test_a_taken_port_is_told_before_anything_is_begun(demo_collection, demo_photos):
    called = []
    with socket.create_server(("127.0.0.1", 0)) as taken, lookalike.Collection.open(demo_collection) as photos:
        port = taken.getsockname()[1]
        with pytest.raises(ServerError, match=f"Port {port} is in use; try --port {port + 1}"):
            serve(photos, port=port, add=[demo_photos], on_ready=called.append)
    assert called == []


def test_an_address_that_is_not_this_machines_is_told(demo_collection):
    with lookalike.Collection.open(demo_collection) as photos:
        with pytest.raises(ServerError, match=r"127\.0\.0\.1"):
            serve(photos, host="192.0.2.1")
        with pytest.raises(ServerError, match=r"127\.0\.0\.1"):
            serve(photos, host="no.such.host.invalid")
        for port in (-1, 65536):
            with pytest.raises(InvalidArgumentError, match="port"):
                serve(photos, port=port)


def test_a_job_that_fails_says_why(tmp_path):
    with lookalike.Collection.open(tmp_path / "c.lookalike", encoder="efficientnet-lite0") as photos:
        job = AddJob(photos, [tmp_path / "missing"])
        assert job.message().state == "counting"
        job.start()
        assert job.wait()
        message = job.message()
        assert message.state == "failed"
        assert "missing" in message.message


def test_a_job_that_breaks_is_logged_and_told_without_details(demo_photos, tmp_path, caplog):
    def break_down(progress: lookalike.AddProgress) -> None:
        if progress.state == "running":
            raise RuntimeError("a secret of ours")

    with lookalike.Collection.open(tmp_path / "c.lookalike", encoder="efficientnet-lite0") as photos:
        job = AddJob(photos, [demo_photos], on_progress=break_down)
        job.start()
        assert job.wait()
    assert job.message().state == "failed"
    assert "secret" not in job.message().message
    assert [record for record in caplog.records if record.exc_info]


def test_a_job_of_a_locked_collection_fails_and_the_server_searches_on(demo_photos, tmp_path, start_server):
    with lookalike.Collection.open(tmp_path / "c.lookalike", encoder="efficientnet-lite0") as photos:
        halfway, go_on = threading.Event(), threading.Event()

        def pause(_: object) -> None:
            halfway.set()
            go_on.wait()

        stop = threading.Event()
        writer = threading.Thread(target=photos.add, args=[demo_photos], kwargs={"progress": pause, "stop": stop})
        writer.start()
        halfway.wait()
        job = AddJob(photos, [demo_photos])
        job.start()
        assert job.wait()
        with start_server(create_app(photos, jobs=[job])) as url:
            (told,) = httpx.get(f"{url}/api/v1/status").json()["jobs"]
        stop.set()
        go_on.set()
        writer.join()
    assert told["state"] == "failed"
    assert str(os.getpid()) in told["message"]


def test_a_stopped_job_keeps_what_was_done(demo_photos, tmp_path):
    halfway, go_on = threading.Event(), threading.Event()

    def pause(progress: lookalike.AddProgress) -> None:
        if progress.done > 0:
            halfway.set()
            go_on.wait()

    with lookalike.Collection.open(tmp_path / "c.lookalike", encoder="efficientnet-lite0") as photos:
        job = AddJob(photos, [demo_photos], on_progress=pause)
        assert job.wait()  # not begun: nothing to wait for
        job.start()
        halfway.wait()
        assert not job.stop(timeout_seconds=0)
        go_on.set()
        assert job.wait()
        assert job.message().state == "stopped"
        assert 8 <= len(photos) < 153


def test_an_index_that_is_being_built_is_a_job_that_runs():
    progress = lookalike.AddProgress(state="indexing", total=9, done=9)
    message = Job.of("ab", progress)
    assert message.state == "running"
    assert "index" in message.message
    assert json.loads(message.model_dump_json())["eta_seconds"] is None


def test_the_description_needs_no_server(demo_collection: Path):
    with lookalike.Collection.open(demo_collection) as photos:
        assert create_app(photos).openapi()["openapi"].startswith("3.")
