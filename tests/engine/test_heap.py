# SPDX-License-Identifier: Apache-2.0
"""Memory of decoded pictures: kept between requests, unless someone chose otherwise."""

from __future__ import annotations

import ctypes
import os
import platform
import subprocess
import sys

import pytest

from trunkline.engine import heap

CHOSEN = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES", "LD_PRELOAD")

FAULTS = """
import resource, sys, threading
from trunkline.engine.heap import keep_large_blocks

if sys.argv[1] == "keep":
    assert keep_large_blocks()

def faults():
    return resource.getrusage(resource.RUSAGE_THREAD).ru_minflt

def decode():
    blocks = [bytes([number]) * 6_000_000 for number in range(3)]
    del blocks

def work():
    decode()
    before = faults()
    for _ in range(10):
        decode()
    print((faults() - before) // 10)

worker = threading.Thread(target=work)
worker.start()
worker.join()
"""

glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="glibc's way")


@pytest.fixture
def free_choice(monkeypatch):
    for name in CHOSEN:
        monkeypatch.delenv(name, raising=False)


def page_faults(how):
    kept = {name: value for name, value in os.environ.items() if name not in CHOSEN}
    command = [sys.executable, "-c", FAULTS, how]
    return int(subprocess.run(command, env=kept, check=True, capture_output=True).stdout)


@glibc
def test_blocks_of_a_picture_are_not_mapped_anew_for_each_request():
    assert page_faults("leave") > 1000
    assert page_faults("keep") < 100


@pytest.mark.parametrize("name", CHOSEN)
@pytest.mark.usefixtures("free_choice")
def test_whoever_chose_how_memory_is_handled_is_heeded(monkeypatch, name):
    monkeypatch.setenv(name, "")
    monkeypatch.setattr(ctypes, "CDLL", lambda _: pytest.fail("the C library was asked"))
    assert not heap.keep_large_blocks()


@pytest.mark.usefixtures("free_choice")
@pytest.mark.parametrize("error", [AttributeError, OSError, TypeError])
def test_another_c_library_is_left_alone(monkeypatch, error):
    def open_library(_):
        raise error

    monkeypatch.setattr(ctypes, "CDLL", open_library)
    assert not heap.keep_large_blocks()


@pytest.mark.usefixtures("free_choice")
def test_a_refusal_is_told(monkeypatch):
    class Library:
        mallopt = staticmethod(lambda option, value: 0)

    monkeypatch.setattr(ctypes, "CDLL", lambda _: Library)
    assert not heap.keep_large_blocks()
