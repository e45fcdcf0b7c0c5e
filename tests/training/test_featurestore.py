# SPDX-License-Identifier: Apache-2.0
"""The feature store: exact, shared, of limited size, and never in the way."""

from __future__ import annotations

import itertools
import os
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainingsamples import trunk
from trunkline.contracts import InputContract, Preset
from trunkline.training import database, featurestore
from trunkline.training.featurestore import FeatureStore
from trunkline.training.inspection import Stamp
from trunkline.training.space import space_of
from trunkline.trunks import cachefolder
from trunkline.trunks.cachefolder import cache_folder

TRUNK = trunk()


def row(seed, width=8):
    return np.random.default_rng(seed).normal(0, 1, width).astype(np.float32)


def key(number):
    return f"{number:064x}"


def file_of(folder):
    (path,) = folder.glob("*.sqlite")
    return path


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "cache"


def fill(folder, count=5, views=("plain",)):
    with FeatureStore(folder) as store:
        for number in range(count):
            store.remember_features(TRUNK, key(number), {view: row(number) for view in views})
        assert store.fault is None


def known(folder, count=5, views=("plain",), **options):
    with FeatureStore(folder, **options) as store:
        return store.features(TRUNK, [key(number) for number in range(count)], views)


@settings(deadline=None, max_examples=30)
@given(
    st.dictionaries(
        st.tuples(st.integers(0, 3), st.sampled_from(["plain", "crop"])),
        st.lists(st.floats(width=32, allow_nan=False), min_size=8, max_size=8),
    )
)
def test_what_is_remembered_is_known_to_the_bit(tmp_path_factory, rows):
    folder = tmp_path_factory.mktemp("cache")
    with FeatureStore(folder) as store:
        for (number, view), values in rows.items():
            store.remember_features(TRUNK, key(number), {view: np.array(values, np.float32)})
    found = known(folder, 5, ("plain", "crop"))
    assert {(int(d, 16), v): found[d][v].tolist() for d in found for v in found[d]} == rows


def test_more_keys_than_one_statement_takes(folder):
    fill(folder, 1203)
    assert len(known(folder, 1300)) == 1203


def test_other_trunks_and_views_are_not_mixed_up(folder):
    fill(folder)
    assert not known(folder, 5, ("other",))
    others = [
        replace(TRUNK, identity="other"),
        replace(TRUNK, contract=InputContract(32, 32, Preset.SAMPLE_STRETCH)),
        replace(TRUNK, features=9),
    ]
    with FeatureStore(folder) as store:
        for other in others:
            assert not store.features(other, [key(0)], ["plain"])
        assert store.features(replace(TRUNK, name="renamed"), [key(0)], ["plain"])


def test_the_space_is_of_what_makes_features_and_not_of_the_version(monkeypatch):
    before = space_of(TRUNK)
    monkeypatch.setattr("trunkline.__version__", "99")
    assert space_of(TRUNK) == before
    monkeypatch.setattr("PIL.__version__", "99")
    assert space_of(TRUNK) != before


class TestFolder:
    @pytest.fixture(autouse=True)
    def _nothing_set(self, monkeypatch):
        for name in ("TRUNKLINE_CACHE", "XDG_CACHE_HOME"):
            monkeypatch.delenv(name, raising=False)

    def test_home(self, monkeypatch, tmp_path):
        monkeypatch.setenv("HOME", str(tmp_path))
        assert cache_folder() == tmp_path / ".cache" / "trunkline"

    def test_xdg(self, monkeypatch, tmp_path):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        assert cache_folder() == tmp_path / "trunkline"
        monkeypatch.setenv("XDG_CACHE_HOME", "relative")
        assert cache_folder() == Path.home() / ".cache" / "trunkline"

    def test_own(self, monkeypatch, tmp_path):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
        monkeypatch.setenv("TRUNKLINE_CACHE", str(tmp_path / "own"))
        assert cache_folder() == tmp_path / "own"
        fill(None)
        assert file_of(tmp_path / "own").is_file()

    @pytest.fixture
    def temporary(self, monkeypatch, tmp_path):
        """The folder for temporary files, of a user without a home."""

        def homeless():
            raise RuntimeError

        monkeypatch.setattr(Path, "home", homeless)
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
        cachefolder._temporary.cache_clear()
        yield tmp_path
        cachefolder._temporary.cache_clear()

    def test_no_home(self, temporary):
        folder = temporary / f"trunkline-{os.getuid()}"
        assert cache_folder() == cache_folder() == folder
        assert folder.stat().st_mode & 0o777 == 0o700

    @pytest.mark.parametrize("kind", ["open to all", "a link", "a file"])
    def test_a_folder_that_others_may_write_to_is_not_taken(
        self, temporary, tmp_path_factory, kind
    ):
        folder = temporary / f"trunkline-{os.getuid()}"
        if kind == "open to all":
            folder.mkdir()
            folder.chmod(0o777)
        elif kind == "a link":
            folder.symlink_to(tmp_path_factory.mktemp("elsewhere"))
        else:
            folder.touch()
        taken = cache_folder()
        assert taken == cache_folder() != folder
        assert taken.parent == temporary
        assert taken.stat().st_mode & 0o777 == 0o700


class TestDamage:
    @pytest.mark.parametrize("data", [b"", b"not a database at all" * 500, b"SQLite format 3\0"])
    def test_a_file_that_is_none_is_made_anew(self, folder, data):
        fill(folder)
        file_of(folder).write_bytes(data)
        assert not known(folder)
        fill(folder)
        assert len(known(folder)) == 5

    def test_other_tables_are_made_anew(self, folder):
        fill(folder)
        with sqlite3.connect(file_of(folder)) as connection:
            connection.executescript("DROP TABLE features; CREATE TABLE features (used, space)")
        connection.close()
        assert not known(folder)
        fill(folder)
        assert len(known(folder)) == 5

    def test_values_of_other_types_are_misses(self, folder):
        fill(folder)
        stamp = Stamp("/a.jpg", 5, 6, 7)
        with FeatureStore(folder) as store:
            store.remember_digests({stamp: key(1)})
        with sqlite3.connect(file_of(folder)) as connection:
            connection.execute("UPDATE features SET data = 5")
            connection.execute("UPDATE files SET digest = 'text'")
        connection.close()
        with FeatureStore(folder) as store:
            assert store.features(TRUNK, [key(0)], ["plain"]) == {}
            assert store.digests([stamp]) == {}
            assert store.fault is None

    @settings(deadline=None, max_examples=40)
    @given(data=st.data())
    def test_flipped_bits_are_misses_and_never_other_features(self, tmp_path_factory, data):
        folder = tmp_path_factory.mktemp("cache")
        fill(folder, 20, ("plain", "crop"))
        path = file_of(folder)
        content = bytearray(path.read_bytes())
        for _ in range(data.draw(st.integers(1, 20))):
            content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
        path.write_bytes(content)
        for digest, rows in known(folder, 20, ("plain", "crop")).items():
            for values in rows.values():
                np.testing.assert_array_equal(values, row(int(digest, 16)))
        with FeatureStore(folder) as store:
            store.remember_features(TRUNK, key(99), {"plain": row(99)})
            store.features(TRUNK, [key(99)], ["plain"])


class TestInTheWay:
    def test_a_folder_that_cannot_be_made(self, tmp_path):
        (tmp_path / "file").touch()
        with FeatureStore(tmp_path / "file" / "cache") as store:
            store.remember_features(TRUNK, key(0), {"plain": row(0)})
            assert not store.features(TRUNK, [key(0)], ["plain"])
            assert "cannot be used" in store.fault

    def test_a_folder_where_the_file_should_be(self, folder):
        fill(folder)
        path = file_of(folder)
        path.unlink()
        path.mkdir()
        assert not known(folder)

    def test_a_file_that_cannot_be_replaced(self, folder, monkeypatch):
        fill(folder)
        file_of(folder).write_bytes(b"damaged" * 1000)

        def stopped(path, missing_ok=False):
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Path, "unlink", stopped)
        with FeatureStore(folder) as store:
            assert not store.features(TRUNK, [key(0)], ["plain"])
            assert "Permission denied" in store.fault

    def test_a_locked_file_is_waited_for_once(self, folder, monkeypatch):
        monkeypatch.setattr(database, "_WAIT_SECONDS", 0.2)
        fill(folder)
        other = sqlite3.connect(file_of(folder))
        other.execute("BEGIN IMMEDIATE")
        start = time.perf_counter()
        with FeatureStore(folder) as store:
            assert store.features(TRUNK, [key(0)], ["plain"])  # reading needs no lock
            for number in range(20):
                store.remember_features(TRUNK, key(number), {"plain": row(9)})
            assert "locked" in store.fault
        assert time.perf_counter() - start < 2
        other.close()
        assert len(known(folder)) == 5


class TestSharing:
    def test_threads(self, folder):
        with FeatureStore(folder) as store, ThreadPoolExecutor(8) as pool:
            numbers = range(64)
            list(
                pool.map(
                    lambda n: store.remember_features(TRUNK, key(n), {"plain": row(n)}), numbers
                )
            )
            assert store.fault is None
        assert len(known(folder, 64)) == 64

    def test_stores_that_begin_together(self, folder):
        ready = threading.Barrier(6)

        def begin(number):
            with FeatureStore(folder) as store:
                ready.wait()
                for step in range(10):
                    each = number * 10 + step
                    store.remember_features(TRUNK, key(each), {"plain": row(each)})
                return store.fault

        with ThreadPoolExecutor(6) as pool:
            assert list(pool.map(begin, range(6))) == [None] * 6
        assert len(known(folder, 60)) == 60

    def test_a_process_that_is_killed_leaves_a_good_store(self, folder):
        program = (
            "import sys; from pathlib import Path; import numpy as np\n"
            "from types import SimpleNamespace as Name\n"
            "from trunkline.training.database import Database\n"
            "d = Database(Path(sys.argv[1])); i = 0\n"
            "while True:\n"
            "    i += 1\n"
            "    d.write(lambda c: c.execute('INSERT OR REPLACE INTO features VALUES "
            "(?, ?, ?, ?, 0, 0)', (b'', b'%d' % i, b'', bytes(5000))))\n"
            "    if i == 200: print('going', flush=True)\n"
        )
        other = subprocess.Popen(
            [sys.executable, "-c", program, folder], stdout=subprocess.PIPE, text=True
        )
        with other:
            assert other.stdout.readline() == "going\n"
            fill(folder)  # while the other writes
            other.kill()
        assert len(known(folder)) == 5


class TestSize:
    def test_what_was_not_used_for_longest_goes_first(self, folder, monkeypatch):
        clock = itertools.count(0, 10_000)
        monkeypatch.setattr(featurestore.time, "time", lambda: float(next(clock)))
        wide = replace(TRUNK, features=1280)
        limit = 1_000_000
        with FeatureStore(folder, limit=limit) as store:
            for number in range(400):
                store.remember_features(wide, key(number), {"plain": row(number, 1280)})
                assert store.features(wide, [key(0)], ["plain"])  # used all the time
            found = store.features(wide, [key(number) for number in range(400)], ["plain"])
            assert store.fault is None
        kept = sorted(int(digest, 16) for digest in found)
        assert kept[0] == 0
        assert kept[1:] == list(range(kept[1], 400))
        assert 80 < len(kept) < 200
        assert file_of(folder).stat().st_size < 1.1 * limit

    def test_files_go_with_the_features(self, folder):
        wide = replace(TRUNK, features=1280)
        with FeatureStore(folder, limit=300_000) as store:
            stamp = Stamp("/old.jpg", 1, 2, 3)
            store.remember_digests({stamp: key(1)})
            assert store.digests([stamp])
            for number in range(100):
                store.remember_features(wide, key(number), {"plain": row(number, 1280)})
            assert not store.digests([stamp])


class TestDigests:
    STAMP = Stamp("/pictures/é.jpg", 5, 6, 7)

    @pytest.fixture(autouse=True)
    def _remembered(self, folder):
        with FeatureStore(folder) as store:
            store.remember_digests({self.STAMP: key(1)})

    def test_a_file_is_known_by_its_stamp(self, folder):
        with FeatureStore(folder) as store:
            assert store.digests([self.STAMP]) == {self.STAMP: key(1)}

    @pytest.mark.parametrize("field", ["path", "size", "modified", "changed"])
    def test_a_file_that_changed_is_not(self, folder, field):
        value = "/other.jpg" if field == "path" else 99
        with FeatureStore(folder) as store:
            assert store.digests([self.STAMP._replace(**{field: value})]) == {}

    def test_a_file_that_just_changed_is_not_remembered(self, folder):
        fresh = self.STAMP._replace(changed=time.time_ns())
        with FeatureStore(folder) as store:
            store.remember_digests({fresh: key(2)})
            assert store.digests([fresh]) == {}

    def test_a_damaged_digest_is_not_known(self, folder):
        with sqlite3.connect(file_of(folder)) as connection:
            connection.execute("UPDATE files SET digest = ?", (key(3).encode(),))
        connection.close()
        with FeatureStore(folder) as store:
            assert store.digests([self.STAMP]) == {}
