# SPDX-License-Identifier: Apache-2.0
"""Pictures and tags, ready to train on or to be judged too few."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from trunkline.errors import TrainingError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from trunkline.training.picture import Picture
    from trunkline.training.problems import Problem

__all__ = ["FEWEST_ADVISED", "PictureSet", "TrainingTask", "truth_of"]

TrainingTask = Literal["multiclass", "multilabel"]

FEWEST_ADVISED = 5
"""Pictures per tag below which the service refused to train (its documentation of limits)."""


@dataclass(frozen=True, slots=True)
class PictureSet:
    """Pictures with their tags.

    Attributes:
        source: The folder or file they come from.
        task: ``"multiclass"`` where each picture has one tag; ``"multilabel"`` where it may have
            any number.
        pictures: The pictures with tags, each content once; for multilabel, those that show none
            of the tags too, with an empty set.
        untagged: The pictures that nothing is said about.
        named: Every tag that was given to a picture, sorted, left out or not.
        problems: What was left out, and why.
        sidecars: How many files beside the pictures were passed over.
    """

    source: str
    task: TrainingTask
    pictures: tuple[Picture, ...]
    untagged: tuple[Picture, ...] = ()
    named: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    sidecars: int = 0

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags to learn, sorted.

        For multilabel those that have pictures; for multiclass all, so that one whose pictures
        were all left out is not forgotten: see ``check_trainable``.
        """
        if self.task == "multiclass":
            return self.named
        counts = self.counts()
        return tuple(tag for tag in self.named if counts[tag])

    def counts(self) -> dict[str, int]:
        """Return how many pictures each tag has, in the tags' order."""
        found = Counter(tag for picture in self.pictures for tag in picture.tags)
        return {tag: found[tag] for tag in self.named}

    def keeping(self, pictures: Iterable[Picture], problems: Iterable[Problem]) -> PictureSet:
        """Return the set with fewer pictures: those that could be decoded.

        Args:
            pictures: The pictures that are left, as ``Features.pictures`` has them.
            problems: Why the others are not.
        """
        return replace(self, pictures=tuple(pictures), problems=(*self.problems, *problems))

    def check_trainable(self) -> None:
        """Refuse a set that no model can be trained on.

        Raises:
            TrainingError: No picture has a tag; for multiclass, there are fewer than two tags, or
                one has no picture; for multilabel, every picture has the same tags.
        """
        if not any(picture.tags for picture in self.pictures):
            raise TrainingError(self.source, _nothing(self))
        if self.task == "multilabel":
            self._check_multilabel()
        else:
            self._check_multiclass()

    def _check_multiclass(self) -> None:
        empty = [tag for tag, count in self.counts().items() if not count]
        if empty:
            raise TrainingError(
                self.source,
                f"no picture of {_listed(empty)} can be used; give it others or take the tag away",
            )
        if len(self.named) < 2:
            raise TrainingError(
                self.source,
                f"{self.named[0]!r} is the only tag, so there is nothing to tell it from; add "
                "another, Negative for pictures of anything else",
            )

    def _check_multilabel(self) -> None:
        if all(count in (0, len(self.pictures)) for count in self.counts().values()):
            raise TrainingError(
                self.source,
                "every picture has the same tags, so there is nothing to tell them from; add "
                "pictures that lack one of them, tagged Negative where they lack all",
            )

    def warnings(self) -> tuple[str, ...]:
        """Return, as sentences, what to expect of a model that is trained on so little."""
        checks = (_few_tags, _few_pictures, _one_sided, _odd_tags)
        return tuple(sentence for check in checks for sentence in check(self))


def truth_of(pictures: Sequence[Picture], tags: Sequence[str]) -> NDArray[np.bool_]:
    """Return which picture has which tag: bool array of shape (pictures, tags)."""
    rows = [[tag in picture.tags for tag in tags] for picture in pictures]
    return np.array(rows, bool).reshape(len(pictures), len(tags))


def _nothing(pictures: PictureSet) -> str:
    if pictures.untagged:
        return (
            f"none of its {len(pictures.untagged)} pictures has a tag; put them into one folder "
            "per tag, or give a CSV or COCO file"
        )
    if pictures.problems:
        return f"none of its pictures can be used; the first fault: {pictures.problems[0]}"
    return (
        "there are no pictures with tags; give a folder with one folder of pictures per tag, or a "
        "CSV or COCO file"
    )


def _few_tags(pictures: PictureSet) -> Iterator[str]:
    if len(pictures.tags) == 1:
        yield (
            f"{pictures.tags[0]!r} is the only tag: expect the model to tell it from what the "
            "other pictures show, and to be wrong about anything else."
        )


def _few_pictures(pictures: PictureSet) -> Iterator[str]:
    counts = pictures.counts()
    few = [tag for tag, count in counts.items() if 0 < count < FEWEST_ADVISED]
    if few:
        numbers = ", ".join(f"{tag} {counts[tag]}" for tag in few)
        # 5 to 20 pictures per tag brought 5 to 15 points on every set that was measured.
        yield (
            f"Fewer than {FEWEST_ADVISED} pictures ({numbers}): expect such tags to be confused "
            "with others and their figures to say little. Models get markedly better up to 20."
        )


def _one_sided(pictures: PictureSet) -> Iterator[str]:
    """Warn of tags that all pictures or none have, which only multilabel can be trained with."""
    if pictures.task == "multiclass":
        return
    counts = pictures.counts()
    missing = [tag for tag, count in counts.items() if not count]
    if missing:
        yield f"No picture of {_listed(missing)} can be used: the model will not know it."
    always = [tag for tag, count in counts.items() if count and count == len(pictures.pictures)]
    if always:
        yield (
            f"Every picture has {_listed(always)}: expect the model to find it in anything. "
            "Add pictures without it."
        )


def _odd_tags(pictures: PictureSet) -> Iterator[str]:
    alike: dict[str, list[str]] = {}
    for tag in pictures.named:
        alike.setdefault(tag.casefold(), []).append(tag)
    for tags in alike.values():
        if len(tags) > 1:
            yield f"{_listed(tags)} differ only in capitals and are taken as different tags."


def _listed(tags: list[str]) -> str:
    names = [repr(tag) for tag in tags]
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
