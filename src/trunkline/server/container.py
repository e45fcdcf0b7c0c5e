# SPDX-License-Identifier: Apache-2.0
"""The HTTP interface of the container that the service exported.

What called such a container can call this server. A container holds one model, so it takes any
project and any published name. So does this server while it holds one model; where it holds
several, the path says which: ``/NAME/image``, or the published name in the long form.

The container's answers are kept to the letter, its faults are not: there a url that could not be
fetched was answered with 200, and a picture over the limit or a part without a filename with 500.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, get_args

from starlette.responses import JSONResponse, PlainTextResponse

from trunkline.predictions import Classification
from trunkline.server.answering import route
from trunkline.server.directory import Kind
from trunkline.server.faults import BadRequestError, NotFoundError
from trunkline.server.fetching import Fetcher
from trunkline.server.forms import PLAIN
from trunkline.server.receiving import Source, picture_of, read_source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import BaseRoute

    from trunkline.predictions import Prediction
    from trunkline.server.context import Server
    from trunkline.server.directory import Published

__all__ = ["routes"]

_GREETING = "CustomVision.ai model host harness"  # health checks look for it


def routes(server: Server) -> list[BaseRoute]:
    """Return the routes; they begin with any word, so those of other APIs must come before."""
    fetcher = Fetcher(server.settings.fetch)
    made: list[BaseRoute] = [
        route("/", _greet, scope=None, form=PLAIN, name="container.root"),
    ]
    for source in get_args(Source):
        handler = partial(_predict, source=source, fetcher=fetcher)
        made += [
            route(
                path,
                handler,
                methods=("POST",),
                scope="predict",
                form=PLAIN,
                name=f"container.{source}",
            )
            for path in _paths(source)
        ]
    return made


def _paths(source: Source) -> Iterator[str]:
    yield f"/{source}"
    for store in ("", "/nostore"):
        yield f"/{{project}}/{source}{store}"
        for kind in get_args(Kind):
            yield f"/{{project}}/{kind}/iterations/{{name}}/{source}{store}"


async def _greet(_request: Request, _server: Server) -> Response:
    return PlainTextResponse(_GREETING)


async def _predict(
    request: Request, server: Server, *, source: Source, fetcher: Fetcher
) -> Response:
    body = await read_source(request, server, source)
    asked = request.path_params
    published = _chosen(server, asked.get("name") or asked.get("project"))
    picture = await picture_of(request, body, source, fetcher)
    answers = await server.plane.predict(picture, (published.model,))
    return JSONResponse(_answer(answers[published.model]))


def _chosen(server: Server, name: str | None) -> Published:
    """Return the only model, or the one of this published name or project id."""
    all_ = server.directory.all()
    if len(all_) == 1:
        return all_[0]
    known = ", ".join(each.published_name for each in all_) or "none"
    if name is None:
        raise BadRequestError(
            f"There are {len(all_)} models here; say which in the path, as in /NAME/image. "
            f"Models: {known}."
        )
    exact = [each for each in all_ if each.published_name == name]
    alike = [
        each for each in all_ if name.lower() in (each.published_name.lower(), str(each.project_id))
    ]
    for each in exact or alike:
        return each
    raise NotFoundError(f"No model is called {name!r}. Models: {known}.")


def _answer(prediction: Prediction) -> dict[str, Any]:
    # In UTC, and without saying so, as the container has it.
    created = datetime.now(UTC).replace(tzinfo=None).isoformat()
    predictions = list(_tags(prediction))
    return {
        "id": "",
        "project": "",
        "iteration": "",
        "created": created,
        "predictions": predictions,
    }


def _tags(prediction: Prediction) -> Iterator[dict[str, Any]]:
    """Yield a classifier's tags in the order of its labels, a detector's boxes as they come."""
    if isinstance(prediction, Classification):
        for label, probability in zip(prediction.labels, prediction.probabilities, strict=True):
            yield _tag(label, float(probability), "", None)
        return
    for box in prediction.boxes:
        edges = {name: round(getattr(box, name), 8) for name in ("left", "top", "width", "height")}
        yield _tag(box.label, box.probability, prediction.labels.index(box.label), edges)


def _tag(
    label: str, probability: float, tag_id: str | int, box: dict[str, float] | None
) -> dict[str, Any]:
    return {
        "tagName": label,
        "probability": round(probability, 8),
        "tagId": tag_id,
        "boundingBox": box,
    }
