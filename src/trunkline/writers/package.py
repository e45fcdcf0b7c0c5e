# SPDX-License-Identifier: Apache-2.0
"""An export: a model's file with everything that lies beside it, in a folder or a zip.

The layout is that of the service's exports, so that what reads theirs reads these: the model's
file, ``labels.txt``, ``cvexport.manifest``, ``metadata_properties.json``, a README and a LICENSE.
``model.toml`` is Trunkline's own.
"""

from __future__ import annotations

import json
import os
import tempfile
import zipfile
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from trunkline.errors import ExportError
from trunkline.exports.labels import fault
from trunkline.exports.sidefiles import LABELS, MANIFEST, METADATA, SETTINGS
from trunkline.writers import metadata
from trunkline.writers.readme import LICENSE, readme
from trunkline.writers.targets import find_target

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trunkline.models import Model
    from trunkline.writers.targets import Target

__all__ = ["check_path", "write_export"]

_EARLIEST = (1980, 1, 1, 0, 0, 0)  # what a zip's dates begin with
_PLAIN_FILE = 0o644 << 16
_NOTHING: Mapping[str, bytes] = MappingProxyType({})


def write_export(  # noqa: PLR0913 - each is a choice of its own, and all but three have defaults
    model: Model,
    path: str | os.PathLike[str],
    platform: str,
    flavor: str | None = None,
    *,
    name: str | None = None,
    overwrite: bool = False,
    date: datetime | None = None,
    beside: Mapping[str, bytes] = _NOTHING,
) -> Path:
    """Write a model as an export.

    Everything is written beside the target first and then moved there in one step, so that a
    failure or Ctrl-C leaves nothing half-written. The same model, date and versions of libraries
    give the same bytes, in a zip as well.

    Args:
        model: A model that was read or trained; one in a model set has no graph to write.
        path: A folder that does not exist or is empty, or the name of a zip, which ends in .zip.
        platform: As in ``trunkline.writers.targets``, in any case.
        flavor: The flavor within the platform; None for the platform's own form.
        name: What the model shall be called whatever the folder is called; None for the folder's.
        overwrite: Whether to replace an export, or a zip, that is there already.
        date: When it was exported. By default the time that ``SOURCE_DATE_EPOCH`` says
            (https://reproducible-builds.org/specs/source-date-epoch), or now.
        beside: Other files to write beside the model, by name.

    Returns:
        The path.

    Raises:
        TrunklineError: There is no such platform or flavor.
        ExportError: The target is taken, cannot be written, or a label cannot be written.
        UnsupportedExportError: The model cannot be said in that format.
        MissingExtraError: The package that writes the format is not installed.
    """
    target, path = find_target(platform, flavor), Path(path)
    _refuse_nameless(model, name, path)
    check_path(path, overwrite=overwrite)
    try:
        with _beside(path) as made:
            _fill(made, model, target, name, date or _now(path))
            for file, data in beside.items():
                (made / file).write_bytes(data)
            _move(_zipped(made) if _is_zip(path) else made, path)
    except OSError as error:
        raise ExportError(path, f"it cannot be written ({error.strerror or error}).") from error
    return path


def _refuse_nameless(model: Model, name: str | None, path: Path) -> None:
    if model.graph is None:
        raise ExportError(path, f"{model.name!r} is in a model set; read it from its export again.")
    if name is not None and (wrong := fault(name) or _padded(name)):
        raise ExportError(path, f"the name {name!r} {wrong}; give another.")


def _padded(name: str) -> str | None:
    return None if name == name.strip() else "begins or ends with white space"


def check_path(path: Path, *, overwrite: bool) -> None:
    """Refuse a path that an export cannot be written to, before any work is done.

    Args:
        path: As for ``write_export``.
        overwrite: As for ``write_export``.

    Raises:
        ExportError: Something is there that must not be replaced.
    """
    if not os.path.lexists(path):
        return
    if _is_zip(path) != path.is_file() or path.is_symlink():
        kind = "zip" if _is_zip(path) else "folder"
        raise ExportError(path, f"something else than a {kind} is there; give another path.")
    if path.is_dir() and not any(path.iterdir()):
        return
    if not overwrite:
        raise ExportError(path, "it is there already; give another path, or overwrite it.")
    if path.is_dir() and not (path / MANIFEST).is_file():
        raise ExportError(
            path, f"it is a folder without a {MANIFEST}, so no export, and is not overwritten."
        )


def _is_zip(path: Path) -> bool:
    return path.suffix.lower() == ".zip"


def _now(path: Path) -> datetime:
    told = os.environ.get("SOURCE_DATE_EPOCH")
    if not told:
        return datetime.now(UTC)
    try:
        return datetime.fromtimestamp(int(told), UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise ExportError(
            path, f"SOURCE_DATE_EPOCH is {told[:40]!r}, which is no number of seconds since 1970."
        ) from error


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """Yield an empty folder on the target's file system, and remove what is left of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".trunkline-", dir=path.parent) as workspace:
        # The workspace itself is closed to others; what is made in it has usual permissions.
        made = Path(workspace) / "export"
        made.mkdir()
        yield made


def _fill(folder: Path, model: Model, target: Target, name: str | None, date: datetime) -> None:
    """Write the model's file and all that lies beside it."""
    labels = metadata.label_text(model.labels, model.source)
    file = target.write(model, folder)
    contract = target.contract(model)
    manifest = metadata.manifest(model, target, folder / file, date.astimezone(UTC))
    beside = {
        LABELS: labels,
        MANIFEST: json.dumps(manifest, indent=2).encode(),
        METADATA: json.dumps(metadata.metadata_properties(model, contract), indent=4).encode(),
        SETTINGS: metadata.settings(model, contract, name).encode(),
        "README.md": readme(model, contract, target, file).encode(),
        "LICENSE": LICENSE.encode(),
    }
    for each, data in beside.items():
        (folder / each).write_bytes(data)


def _zipped(folder: Path) -> Path:
    """Pack a folder: the same files give the same bytes, whenever and wherever it is done."""
    zipped = folder.with_suffix(".zip")
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            entry = zipfile.ZipInfo(file.relative_to(folder).as_posix(), _EARLIEST)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, _PLAIN_FILE
            entry.create_system = 3  # Unix, which the permissions are of
            archive.writestr(entry, file.read_bytes())
    return zipped


def _move(made: Path, path: Path) -> None:
    """Put what was made in the target's place; a folder that was there goes only then."""
    if path.is_dir():
        old = made.with_name("old")
        path.rename(old)
        try:
            made.rename(path)
        except OSError:
            old.rename(path)
            raise
    else:
        made.replace(path)
