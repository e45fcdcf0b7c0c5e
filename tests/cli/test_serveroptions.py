# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import sys

import pytest

from trunkline.cli.serveroptions import check_packages
from trunkline.errors import MissingExtraError


def test_with_all_packages_nothing_is_said() -> None:
    check_packages("trunkline serve")


@pytest.mark.parametrize(
    ("module", "package"), [("starlette", "starlette"), ("python_multipart", "python-multipart")]
)
def test_a_missing_package_is_named(
    module: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=rf"needs the package {package}.*trunkline\[serve"):
        check_packages("trunkline serve")
