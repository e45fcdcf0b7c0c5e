# SPDX-License-Identifier: Apache-2.0
"""The exception tree: its shape, its sentences, and that it survives the way between processes."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import pytest

from trunkline import errors
from trunkline.errors import (
    ExportError,
    MissingExtraError,
    ModelNameError,
    PictureError,
    TrainingError,
    TrunklineError,
    UnsupportedExportError,
)

EVERY = [
    TrunklineError("something"),
    ExportError(Path("folder/model.pb"), "it is empty. Export it again."),
    UnsupportedExportError("model.onnx", "it holds the operation Loop."),
    PictureError("bytes", "they are no picture."),
    TrainingError("pictures", "there is nothing to train on."),
    ModelNameError("there is no model called fruit."),
    MissingExtraError("to_supervision()", package="supervision", extra="supervision"),
]


def test_the_docstring_draws_every_class_and_all_are_public() -> None:
    raised = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, Exception)
    }
    assert raised == set(errors.__all__)
    assert errors.__doc__ is not None
    assert all(name in errors.__doc__ for name in raised)


def test_one_except_catches_everything() -> None:
    assert all(isinstance(error, TrunklineError) for error in EVERY)


def test_what_each_error_also_is() -> None:
    assert issubclass(UnsupportedExportError, ExportError)
    assert issubclass(ModelNameError, LookupError)
    assert issubclass(MissingExtraError, ImportError)


@pytest.mark.parametrize("kind", [ExportError, UnsupportedExportError, PictureError, TrainingError])
def test_the_message_starts_with_the_source(
    kind: type[ExportError | PictureError | TrainingError],
) -> None:
    error = kind(Path("a/b.zip"), "it is cut short. Copy it again.")
    assert str(error) == "a/b.zip: it is cut short. Copy it again."
    assert error.source == "a/b.zip"
    assert error.problem == "it is cut short. Copy it again."


def test_a_missing_extra_says_how_to_install_it() -> None:
    error = MissingExtraError("to_pandas()", package="pandas", extra="tables")
    assert str(error) == (
        "to_pandas() needs the package pandas, which is not installed. "
        "Install it with: pip install 'trunkline[tables]'"
    )
    assert error.extra == "tables"
    assert error.name == "pandas"


def test_a_model_name_error_does_not_quote_its_message() -> None:
    """As a KeyError would, and that is why it is not one."""
    assert str(ModelNameError("there is no model called x")) == "there is no model called x"


@pytest.mark.parametrize("error", EVERY, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("through", [copy.copy, lambda error: pickle.loads(pickle.dumps(error))])
def test_errors_can_be_copied_and_sent_to_another_process(error, through) -> None:
    again = through(error)
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again) == vars(error)
