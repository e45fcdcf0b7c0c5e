# SPDX-License-Identifier: Apache-2.0
"""Models that come over HTTP: a zip or a model file, into the model set while it runs."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, BinaryIO

from python_multipart.multipart import parse_options_header

from trunkline.exports.arrived import (
    SUFFIX,
    Arrived,
    name_problem,
    read_arrived,
    suffixes_of,
)
from trunkline.server.arriving import Parser, arriving
from trunkline.server.faults import BadRequestError, ConflictError, NotFoundError
from trunkline.server.held import Held
from trunkline.server.layout import Root, look
from trunkline.server.multipart import PartReader

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.requests import Request

    from trunkline.server.repository import Repository
    from trunkline.server.settings import Settings

__all__ = ["Outcome", "put", "receive", "removal_note", "remove"]

_UPLOAD = "upload:"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an upload.

    Attributes:
        created: Whether there was no such model before.
        kept: Where it is kept; None where it is gone when the server stops.
    """

    created: bool
    kept: Path | None

    @property
    def note(self) -> str:
        """How long the model will be there, as a sentence."""
        if self.kept is not None:
            return "The model is kept, and is there when the server starts again."
        return (
            "The model is in memory alone, and is gone when the server stops: the settings name no "
            "upload_folder."
        )


@asynccontextmanager
async def receive(request: Request, settings: Settings) -> AsyncIterator[Arrived]:
    """Receive the file in a request's body; it is there until the context ends.

    Args:
        request: With a file as it is, or with a multipart form that has one; ``?filename=`` or
            ``Content-Disposition`` may say what a bare file is called.
        settings: How large and how slow it may be.

    Raises:
        ServiceError: There is no file, or it is too large or too slow.
    """
    folder = Path(tempfile.mkdtemp(prefix="trunkline-"))
    try:
        path = folder / "upload"
        with path.open("wb") as file:
            sink = _sink(request, file)
            limit, seconds = settings.max_models_body_bytes, settings.body_seconds
            async for chunk in arriving(request, limit, seconds):
                sink.write(chunk)
            sink.end()
        if not path.stat().st_size:
            raise BadRequestError(
                "The request holds no model; send a zip or a model file as the body, or as a file "
                "in a multipart form."
            )
        shown = _bare(sink.filename)
        yield Arrived(path, shown, suffixes_of(shown, path), sink.digest.hexdigest())
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def put(repository: Repository, name: str, arrived: Arrived, *, overwrite: bool) -> Outcome:
    """Add a model, or put it in the place of the one of this name, without a gap.

    Args:
        repository: Where to.
        name: What to call it.
        arrived: Its file.
        overwrite: Whether there may be such a model already.

    Raises:
        BadRequestError: It cannot have this name.
        ConflictError: There is such a model already.
        ExportError: It cannot be read or run.
    """
    check_name(name)
    with repository.changing:
        models = repository.models
        if name in models and not overwrite:
            raise ConflictError(
                f"A model called {name!r} is loaded already; PUT replaces it, DELETE removes it."
            )
        model, suffix = read_arrived(arrived, name)
        created = name not in models
        models.add(model) if created else models.replace(**{name: model})
        kept = _keep(repository, name, arrived, suffix)
        held = Held(None, frozenset([name]), upload=True)
        key = f"{_UPLOAD}{name}"
        if kept is not None and repository.stored is not None:
            units = look(Root(repository.stored, stored=True), "latest")
            held.unit = next(unit for unit in units if unit.path == kept)
            key = held.unit.key
        repository.hand_over(name, held, key)
        return Outcome(created, kept)


def remove(repository: Repository, name: str) -> bool:
    """Remove a model; return whether it is gone for good.

    An upload is forgotten, its kept file with it. A model from elsewhere keeps its files, and
    stays unloaded until they change or it is loaded again.

    Raises:
        NotFoundError: There is no such model.
    """
    with repository.changing:
        held = repository.owner(name)
        listed = [each for each in repository.index() if each.name == name]
        if name not in repository.models:
            known = "it is not loaded" if listed else "there is none"
            raise NotFoundError(f"No model called {name!r} can be removed: {known}.")
        repository.unload(name)
        stored = held is not None and held.unit is not None and _is_kept(repository, held.unit.path)
        if stored and held is not None and held.unit is not None:
            held.unit.path.unlink(missing_ok=True)
            repository.forget(held.unit.key)
        return stored or held is None or held.upload


def removal_note(*, for_good: bool) -> str:
    """Return what became of a model that was removed, as a sentence or two."""
    if for_good:
        return "The model is gone."
    return (
        "The model is unloaded. Its files are still there; it comes back when they change or the "
        "server starts again."
    )


def check_name(name: str) -> None:
    """Refuse a name that no file could have, or that would mean something else.

    Raises:
        BadRequestError: The name will not do.
    """
    if problem := name_problem(name):
        raise BadRequestError(problem)


class _Sink(PartReader):
    """Writes a body, or the first file in a multipart one, into a file."""

    __slots__ = ("_chosen", "_file", "_parser", "digest", "filename")

    def __init__(self, file: BinaryIO, filename: str) -> None:
        super().__init__()
        self._file = file
        self._parser: Parser | None = None
        self._chosen: object = None
        self.filename = filename
        self.digest = hashlib.sha256()

    def in_form(self, content_type: str) -> None:
        self._parser = Parser(content_type, self)

    def write(self, data: bytes) -> None:
        if self._parser:
            self._parser.write(data)
        else:
            self._save(data)

    def end(self) -> None:
        if self._parser:
            self._parser.end()

    def _save(self, data: bytes) -> None:
        self._file.write(data)
        self.digest.update(data)

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        part = self.parts[-1]
        if self._chosen is None and part.filename is not None:
            self._chosen, self.filename = part, part.filename
        if part is self._chosen:
            self._save(data[start:end])


def _sink(request: Request, file: BinaryIO) -> _Sink:
    named = parse_options_header(request.headers.get("content-disposition", ""))[1]
    filename = named.get(b"filename", b"").decode("utf-8", "replace")
    sink = _Sink(file, request.query_params.get("filename", filename))
    content_type = request.headers.get("content-type", "")
    if content_type.strip().lower().startswith("multipart/"):
        sink.in_form(content_type)
    return sink


def _bare(filename: str) -> str:
    return PurePath(filename.replace("\\", "/")).name[:200]


def _keep(repository: Repository, name: str, arrived: Arrived, suffix: str) -> Path | None:
    """Keep the file in the folder for uploads, in the place of an earlier one."""
    if repository.stored is None:
        return None
    repository.stored.mkdir(parents=True, exist_ok=True)
    target = repository.stored / f"{name}{suffix}"
    # First beside it: a file appears there as a whole or not at all.
    beside = repository.stored / f".{name}{suffix}"
    shutil.copyfile(arrived.path, beside)
    beside.replace(target)
    for other in repository.stored.iterdir():
        if other.stem == name and other != target and SUFFIX.fullmatch(other.suffix):
            other.unlink()
            repository.forget(str(other))
    return target


def _is_kept(repository: Repository, path: Path) -> bool:
    return path.parent == repository.stored and path.is_file()
