# SPDX-License-Identifier: Apache-2.0
"""Writing benchmarks' sections into a page."""

from __future__ import annotations

import datetime as dt
import importlib
import platform

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trunkline.engine.cores import available_cores


@pytest.fixture(scope="module")
def report():
    """The module, imported as a benchmark program beside it does."""
    return importlib.import_module("report")


@pytest.fixture
def section(report):
    """Make a section of a name, with a table."""
    machine = report.Machine(
        processor="Z80",
        cores=1,
        system="CP/M",
        python="CPython 3.11.7",
        packages={"numpy": "2.4.6"},
        load=0.04,
        date=dt.date(2026, 11, 2),
    )

    def make(name, *rows):
        parts = (report.Table(("side", "s"), rows),)
        return report.Section(name=name, title=f"About {name}", machine=machine, parts=parts)

    return make


def test_a_new_page_holds_the_section_between_markers(report, section, tmp_path):
    page = tmp_path / "docs" / "benchmarks.md"
    report.write_section(page, section("start", ("Trunkline", "1.2"), ("a | b", "20")))
    assert page.read_text("utf-8") == (
        "<!-- benchmark start: written by its program, do not edit -->\n"
        "## About start\n"
        "\n"
        "Measured 2026-11-02 on Z80, 1 core, CP/M (load 0.0 before the run); "
        "CPython 3.11.7, numpy 2.4.6.\n"
        "\n"
        "| side | s |\n"
        "| :--- | ---: |\n"
        "| Trunkline | 1.2 |\n"
        "| a \\| b | 20 |\n"
        "<!-- end of benchmark start -->\n"
    )
    assert [p.name for p in page.parent.iterdir()] == [page.name]


def test_each_program_replaces_its_own_section_only(report, section, tmp_path):
    page = tmp_path / "benchmarks.md"
    page.write_text("# Benchmarks\n\nHow they are run.\n", "utf-8")
    report.write_section(page, section("first", ("old", "1")))
    report.write_section(page, section("second", ("kept", "2")))
    page.write_text(page.read_text("utf-8") + "\nThe end.\n", "utf-8")
    before = page.read_text("utf-8")

    report.write_section(page, section("first", ("new", "3")))

    assert page.read_text("utf-8") == before.replace("| old | 1 |", "| new | 3 |")


def test_writing_the_same_twice_changes_nothing(report, section, tmp_path):
    page = tmp_path / "benchmarks.md"
    report.write_section(page, section("first", ("a", "1")))
    once = page.read_bytes()
    report.write_section(page, section("first", ("a", "1")))
    assert page.read_bytes() == once


@settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    before=st.text(st.characters(exclude_categories=["Cs"])),
    after=st.text(st.characters(exclude_categories=["Cs"])),
)
def test_what_people_wrote_around_a_section_stays(report, section, tmp_path, before, after):
    page = tmp_path / "benchmarks.md"
    page.unlink(missing_ok=True)
    report.write_section(page, section("first", ("old", "1")))
    block = page.read_text("utf-8").rstrip("\n")
    page.write_bytes((before + block + after).encode())

    report.write_section(page, section("first", ("new", "3")))

    expected = before + block.replace("| old | 1 |", "| new | 3 |") + after
    assert page.read_bytes() == expected.encode()


@pytest.mark.parametrize("fault", ["twice", "half", "swapped"])
def test_broken_markers_are_named_and_the_page_stays(report, section, tmp_path, fault):
    page = tmp_path / "benchmarks.md"
    report.write_section(page, section("first", ("a", "1")))
    text = page.read_text("utf-8")
    begin, *_, end = text.splitlines()
    broken = {"twice": text * 2, "half": begin, "swapped": f"{end}\n{begin}\n"}[fault]
    page.write_text(broken, "utf-8")
    with pytest.raises(ValueError, match=r"benchmarks\.md: the markers of the section 'first'"):
        report.write_section(page, section("first", ("a", "2")))
    assert page.read_text("utf-8") == broken


def test_a_page_that_cannot_be_replaced_leaves_nothing_behind(report, section, tmp_path):
    page = tmp_path / "benchmarks.md"
    page.mkdir()
    with pytest.raises(IsADirectoryError):
        report.write_section(page, section("first"))
    assert [p.name for p in tmp_path.iterdir()] == ["benchmarks.md"]


@pytest.mark.parametrize(
    ("cells", "rule"),
    [(["1", "2.5 (2 to 3)"], "---:"), (["-0.1", "+3"], "---:"), (["1", "none"], ":---")],
)
def test_columns_of_numbers_are_aligned_to_the_right(report, cells, rule):
    lines = str(report.Table(("figure",), [(cell,) for cell in cells])).splitlines()
    assert lines == ["| figure |", f"| {rule} |", *(f"| {cell} |" for cell in cells)]


def test_a_table_without_rows_is_a_header(report):
    assert str(report.Table(("a", "b"), [])) == "| a | b |\n| :--- | :--- |"


def test_a_row_of_another_length_is_refused(report):
    with pytest.raises(ValueError, match=r"\['1'\] has not the columns \['a', 'b'\]"):
        report.Table(("a", "b"), [("1",)])


def test_this_machine_is_described(report):
    machine = report.Machine.here(("numpy", "no-such-package"))
    assert machine.packages == {"numpy": np.__version__}
    assert machine.cores == available_cores()
    assert abs(machine.date - dt.datetime.now(dt.UTC).date()) <= dt.timedelta(days=1)
    assert platform.python_version() in str(machine)
    assert machine.processor in str(machine)


def test_several_cores_are_counted(report, section):
    machine = section("first").machine
    assert "1 core," in str(machine)
    assert "8 cores," in str(report.Machine(**{**_fields(machine), "cores": 8}))


def _fields(machine):
    return {name: getattr(machine, name) for name in machine.__slots__}


def test_the_processor_is_named_by_the_system(report, tmp_path):
    info = tmp_path / "cpuinfo"
    info.write_text("processor\t: 0\nmodel name\t: Fast CPU: 3 GHz\n\nmodel name\t: other\n")
    assert report.processor_name(info) == "Fast CPU: 3 GHz"


@pytest.mark.parametrize("text", [None, "", "CPU part\t: 0xd0c\n"])
def test_a_nameless_processor_goes_by_its_architecture(report, tmp_path, text):
    info = tmp_path / "cpuinfo"
    if text is not None:
        info.write_text(text)
    assert report.processor_name(info) == platform.machine()
