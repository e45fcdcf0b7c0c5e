# SPDX-License-Identifier: Apache-2.0
"""Finding model files in folders and zips.

What counts as a model:

* A folder with a model file is an export. It is called by the folder's name, and its sub-folders
  are left alone. Where it holds several model files, the manifest decides; where the manifest does
  not, each is a model of its own, called by the file's name, and where these are alike by name and
  format.
* A folder whose model files have names of their own, and that holds none of the files that the
  service puts beside a model, is a shelf: its model files, folders and zips are all models, called
  by their names.
* A folder without a model file is looked through, two levels deep, zips not
  counted. If all that is found is one
  model, the folder's own labels, manifest and settings are its as well.
* A zip is a folder. If it holds one model, that is called by the zip's name.

A name such as ``model`` or ``app`` says nothing, so the name of the folder around it is taken.
"""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from trunkline.errors import ExportError, UnsupportedExportError
from trunkline.exports import archive, modelfiles, sidefiles
from trunkline.exports.sidefiles import Place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from trunkline.exports.archive import ArchiveLimits
    from trunkline.exports.modelfiles import ModelFormat

__all__ = ["Found", "Hit", "Search"]

_DEEPEST = 2
_MOST_ZIPS = 2
_EXPORT_SIGNS = (sidefiles.LABELS, sidefiles.MANIFEST, sidefiles.METADATA, sidefiles.SETTINGS)


@dataclass(frozen=True, eq=False)
class Hit:
    """A model file that was found.

    Attributes:
        file: The model file; for a SavedModel ``saved_model.pb``.
        format: Its format.
        name: What the model is called.
        source: What messages call it.
        places: The folders to look in for what belongs to it, nearest first.
    """

    file: Place
    format: ModelFormat
    name: str
    source: str
    places: tuple[Place, ...]


Found = Iterator[Hit | ExportError]
"""Hits one by one, each found when it is asked for: of a thousand models, the places of all take
more memory than the models, and would be left as holes in the heap."""


class Search:
    """Finds model files, and unpacks the zips on the way.

    Args:
        workspace: The folder to unpack into.
        limits: How much each zip may hold, zips inside it included.
    """

    def __init__(self, workspace: Path, limits: ArchiveLimits) -> None:
        self._workspace = workspace
        self._limits = limits
        self._left = limits

    def look(self, path: Path) -> Found:
        """Look at what a person gave.

        Yields:
            At least one hit or error.
        """
        try:
            yield from self._given(path)
        except ExportError as error:
            yield error
        except (OSError, ValueError) as error:
            yield _unreadable(str(path), error)

    def _given(self, path: Path) -> Found:
        if not path.exists():
            raise ExportError(path, "there is no such file or folder.")
        if advice := modelfiles.foreign(path.name):
            raise UnsupportedExportError(path, f"it is {advice}.")
        if path.is_dir():
            return _some(self._folder(Place(path, str(path), _title(path)), 0), path)
        if not path.is_file():
            raise ExportError(path, "it is neither a file nor a folder.")
        folder = Place(path.parent, str(path.parent), _title(path.parent))
        return self._file(folder.inside(path.name), folder)

    def _file(self, file: Place, folder: Place) -> Found:
        if form := modelfiles.recognise(file.path):
            return iter([_hit(file, form, folder)])
        if _is_zip(file.path.name) or zipfile.is_zipfile(file.path):
            return _some(self._zip(file, 0), file.path)
        raise ExportError(file.shown, f"{modelfiles.unreadable(file.path.name)}.")

    def _folder(self, folder: Place, depth: int) -> Found:
        models = _models(folder)
        if models and _is_export(folder, models):
            return _exported(folder, models)
        return _if_only(self._shelf(folder, models, depth), lambda only: _adopted(only, folder))

    def _shelf(self, folder: Place, models: Mapping[str, ModelFormat], depth: int) -> Found:
        """Look at all that lies in a folder which is no export itself."""
        own = {hit.file.path.name: hit for hit in _hits(folder, models)}
        empty = True
        for name in folder.names:
            entry = [own[name]] if name in own else self._entry(folder.inside(name), depth)
            for found in entry:
                empty = False
                yield found
        if empty:
            yield from _foreign(folder.names, folder)

    def _entry(self, entry: Place, depth: int) -> Found:
        """Look at something in a folder; an error there does not keep the rest from being found."""
        if modelfiles.foreign(entry.path.name):
            return
        try:
            if entry.path.is_dir():
                if depth < _DEEPEST:
                    yield from self._folder(entry, depth + 1)
            elif _is_zip(entry.path.name) and entry.path.is_file():
                yield from self._zip(entry, depth)
        except ExportError as error:
            yield error
        except OSError as error:
            yield _unreadable(entry.shown, error)

    def _zip(self, file: Place, depth: int) -> Found:
        """Look into a zip; one without anything like a model is not unpacked."""
        names = archive.names(file.path, source=file.shown)
        if not modelfiles.candidates(names) and not any(_is_zip(name) for name in names):
            return _foreign(names, file)
        found = self._folder(_unwrapped(self._unpacked(file)), depth)
        return _if_only(found, lambda only: replace(only, name=_own_name(file), source=file.shown))

    def _unpacked(self, file: Place) -> Place:
        if file.zips == _MOST_ZIPS:
            raise ExportError(file.shown, "it is a zip in a zip in a zip. Unpack the outer one.")
        # Zips inside a zip share what it may hold, or they would multiply.
        limits = self._left if file.zips else self._limits
        self._workspace.mkdir(parents=True, exist_ok=True)
        target = Path(tempfile.mkdtemp(dir=self._workspace))
        try:
            self._left = archive.extract(file.path, target, limits, source=file.shown)
        except ExportError:
            shutil.rmtree(target, ignore_errors=True)
            raise
        return Place(target, file.shown, _own_name(file), file.zips + 1)


def _models(folder: Place) -> Mapping[str, ModelFormat]:
    """Return the model files in a folder, by name."""
    files = [name for name in folder.names if (folder.path / name).is_file()]
    forms = {
        name: modelfiles.recognise(folder.path / name) for name in modelfiles.candidates(files)
    }
    return {name: form for name, form in forms.items() if form}


def _is_export(folder: Place, models: Iterable[str]) -> bool:
    """Tell an export from a shelf with model files on it."""
    generic = any(modelfiles.is_generic(PurePath(name).stem) for name in models)
    return generic or any(folder.file(name) for name in _EXPORT_SIGNS)


def _exported(folder: Place, models: Mapping[str, ModelFormat]) -> Found:
    """Return the model of an export, or its models where nothing says which it is."""
    named = sidefiles.named_model(folder)
    if named is not None and named in models:
        models = {named: models[named]}
    if len(models) > 1:
        return iter(_hits(folder, models))
    return iter([replace(_hits(folder, models)[0], name=folder.title, source=folder.shown)])


def _hits(folder: Place, models: Mapping[str, ModelFormat]) -> list[Hit]:
    """Return every model file of a folder as a model of its own."""
    hits = [_hit(folder.inside(name), form, folder) for name, form in models.items()]
    counts = Counter(hit.name for hit in hits)
    return [
        replace(hit, name=f"{hit.name}-{hit.format}") if counts[hit.name] > 1 else hit
        for hit in hits
    ]


def _hit(file: Place, form: ModelFormat, folder: Place) -> Hit:
    return Hit(file, form, _own_name(file), file.shown, (folder,))


def _own_name(file: Place) -> str:
    """Return what a model file or zip is called, by itself or else by the folder around it."""
    stem = PurePath(file.path.name).stem
    return file.folder.title if file.folder and modelfiles.is_generic(stem) else stem


def _title(path: Path) -> str:
    """Return what a folder is called, by itself or else by the nearest folder around it."""
    full = path.absolute() if path.name and ".." not in path.parts else path.resolve()
    names = [each.name for each in (full, *full.parents) if each.name]
    return next((name for name in names if not modelfiles.is_generic(name)), full.name or "model")


def _some(found: Found, path: Path) -> Found:
    """Say so where nothing was found."""
    first = next(found, None)
    yield _nothing(path) if first is None else first
    yield from found


def _if_only(found: Found, change: Callable[[Hit], Hit]) -> Found:
    """Change what was found where it is one model and nothing else."""
    first = list(islice(found, 2))
    if len(first) == 1 and isinstance(only := first[0], Hit):
        first = [change(only)]
    yield from first
    yield from found


def _adopted(only: Hit, folder: Place) -> Hit:
    """Give a folder's only model what lies in the folder itself."""
    return only if folder in only.places else replace(only, places=(*only.places, folder))


def _unwrapped(root: Place) -> Place:
    """Go into the one folder that holds everything, as many programs pack a zip."""
    if len(root.names) != 1 or modelfiles.foreign(root.names[0]):
        return root
    inner = root.inside(root.names[0])
    return replace(inner, title=root.title) if inner.path.is_dir() else root


def _is_zip(name: str) -> bool:
    return name.lower().endswith(".zip")


def _foreign(names: Iterable[str], place: Place) -> Found:
    """Say that there is a model of another kind; nothing where there is none."""
    for name in names:
        if advice := modelfiles.foreign(name):
            shown = str(Path(place.shown) / name)
            return iter([UnsupportedExportError(shown, f"it is {advice}.")])
    return iter(())


def _nothing(path: Path) -> ExportError:
    return ExportError(
        path,
        f"holds no model that Trunkline can read: expected one of {modelfiles.EXPECTED}; "
        "give the folder or the zip that has it.",
    )


def _unreadable(source: str, error: Exception) -> ExportError:
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return ExportError(source, f"it cannot be read ({reason}).")
