# SPDX-License-Identifier: Apache-2.0
"""Loading large packages quickly, and no more of OpenVINO than is used."""

from __future__ import annotations

import gc
import subprocess
import sys

import pytest

from trunkline.cli.loading import leave_converter_out, loading

_CONVERTER = "openvino.tools.ovc"


def run(code: str) -> str:
    """Run code in a process of its own, where OpenVINO was not imported before."""
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_openvino_is_imported_without_its_converter_and_what_reports_to_google() -> None:
    loaded = run(
        "import sys\n"
        "from trunkline.cli.loading import leave_converter_out\n"
        "leave_converter_out()\n"
        "import openvino\n"
        "openvino.Core()\n"
        "print([name for name in sys.modules if name.endswith(('tools.ovc', '_telemetry'))])\n"
    )
    assert loaded == "[]\n"


def test_whoever_asks_for_the_converter_gets_it() -> None:
    loaded = run(
        "import os\n"
        "os.environ['CI'] = 'true'\n"  # what its telemetry takes for a reason to send nothing
        "from trunkline.cli.loading import leave_converter_out\n"
        "leave_converter_out()\n"
        "import openvino\n"
        f"from {_CONVERTER} import convert_model\n"
        "print(convert_model.__name__)\n"
    )
    assert loaded == "convert_model\n"


def test_every_command_leaves_the_converter_out() -> None:
    loaded = run(
        "import sys\n"
        "from trunkline.cli import main\n"
        "main(['trunks'], standalone_mode=False)\n"
        "import openvino\n"
        f"print('{_CONVERTER}' in sys.modules)\n"
    )
    assert loaded.splitlines()[-1] == "False"


def test_asking_twice_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    leave_converter_out()
    once = [*sys.meta_path]
    leave_converter_out()
    assert sys.meta_path == once


@pytest.fixture
def thawed():
    """Let the collector look through everything again, as the other tests expect."""
    yield
    gc.unfreeze()
    gc.enable()


@pytest.mark.usefixtures("thawed")
@pytest.mark.parametrize("enabled", [True, False])
def test_no_garbage_is_looked_for_while_loading(enabled: bool) -> None:
    (gc.enable if enabled else gc.disable)()
    with loading():
        assert not gc.isenabled()
        kept = [[] for _ in range(1000)]
    assert gc.isenabled() is enabled
    assert gc.get_freeze_count() >= len(kept)


@pytest.mark.usefixtures("thawed")
def test_what_fails_to_load_leaves_the_collector_on() -> None:
    with pytest.raises(ImportError), loading():
        raise ImportError
    assert gc.isenabled()
