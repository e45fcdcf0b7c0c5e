# SPDX-License-Identifier: Apache-2.0
"""From what was listed to pictures with one opinion on each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trunkline.training.listing import NEGATIVE
from trunkline.training.picture import Picture
from trunkline.training.pictureset import PictureSet

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from trunkline.training.listing import Entry, Listing
    from trunkline.training.pictureset import TrainingTask

    Found = tuple[Entry, str]

__all__ = ["settle"]


def settle(
    listing: Listing, found: Sequence[Found], source: str, task: TrainingTask | None
) -> PictureSet:
    """Keep each content once, and leave out what contradicts itself.

    Args:
        listing: What was listed; what is left out is added to its problems.
        found: The entries that are pictures, with their contents' digests.
        source: Where they were listed.
        task: What to train for; None for multilabel where a picture has several tags, and
            multiclass otherwise.
    """
    if task is None:
        several = any(len(entry.tags) > 1 for entry in listing.entries)
        task = "multilabel" if several else "multiclass"
    groups: dict[str, list[Entry]] = {}
    for entry, digest in found:
        groups.setdefault(digest, []).append(entry)
    settled = [_settle_copies(copies, digest, listing, task) for digest, copies in groups.items()]
    pictures = [picture for picture in settled if picture is not None]
    untagged = {
        picture.digest for picture in pictures if not _is_tagged(groups[picture.digest], task)
    }
    named = {tag for entry in listing.entries for tag in entry.tags}
    if task == "multilabel":
        named.discard(NEGATIVE)
    return PictureSet(
        source,
        task,
        tuple(picture for picture in pictures if picture.digest not in untagged),
        tuple(picture for picture in pictures if picture.digest in untagged),
        tuple(sorted(named)),
        tuple(listing.problems),
        listing.sidecars,
    )


def _is_tagged(copies: Iterable[Entry], task: TrainingTask) -> bool:
    return any(_says_something(entry, task) for entry in copies)


def _says_something(entry: Entry, task: TrainingTask) -> bool:
    """Tell whether an entry is tagged; "none of these" is an answer only for multilabel."""
    return bool(entry.tags) or (entry.complete and task == "multilabel")


def _settle_copies(
    copies: list[Entry], digest: str, listing: Listing, task: TrainingTask
) -> Picture | None:
    """Return the one picture that all entries with the same content become, if they agree."""
    tagged = [entry for entry in copies if _says_something(entry, task)]
    first = (tagged or copies)[0]
    agreed = all(entry.tags == first.tags for entry in tagged)
    if not agreed and task == "multiclass":
        for entry in tagged:
            _report_contradiction(entry, tagged, listing)
        return None
    for entry in copies:
        if entry is not first and (agreed or not listing.tag_per_copy):
            _report_copy(entry, first, listing)
    tags = frozenset().union(*(entry.tags for entry in tagged))
    if len(tags) > 1 and (task == "multiclass" or NEGATIVE in tags):
        listing.report(first.source, _too_many(sorted(tags), task))
        return None
    if task == "multilabel":
        tags -= {NEGATIVE}
    return Picture(first.source, tags, first.path, digest, first.data)


def _report_copy(entry: Entry, first: Entry, listing: Listing) -> None:
    if entry.tags and entry.tags != first.tags:
        what = f"it is the same picture as {first.source}, whose tags are added to its own"
    else:
        what = f"it is the same picture as {first.source}, which is used once; remove one of them"
    listing.report(entry.source, what)


def _report_contradiction(entry: Entry, tagged: list[Entry], listing: Listing) -> None:
    other = next(each for each in tagged if each.tags != entry.tags)
    listing.report(
        entry.source,
        f"the same picture is {other.source}, tagged {_listed(other.tags)}; neither is used: keep "
        "one, or train with the task multilabel, where a picture may have several tags",
    )


def _too_many(tags: list[str], task: TrainingTask) -> str:
    if task == "multilabel":
        others = _listed(tag for tag in tags if tag != NEGATIVE)
        return f"it is tagged {NEGATIVE}, for none of the tags, and also {others}; keep one of both"
    return (
        f"it is tagged {_listed(tags)}; keep one of these tags, or train with the task multilabel, "
        "where a picture may have several"
    )


def _listed(tags: Iterable[str]) -> str:
    return " and ".join(sorted(tags))
