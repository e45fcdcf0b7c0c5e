# SPDX-License-Identifier: Apache-2.0
"""The models on the page, by trunk: what each does, costs and gives; one is removed here."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from nicegui import ui

from trunkline.page.overlay import colour
from trunkline.page.speaking import attempt, confirmed, may, say_done
from trunkline.page.words import amount, counted, duration, rate, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trunkline.page.access import Guest
    from trunkline.page.view import ModelView, View

__all__ = ["Models", "model_html"]

_FOLDED_FROM = 13  # a trunk with as many models begins folded
_FILTER_FROM = 6
_LABELS_SHOWN = 4
_MACS = '<abbr title="multiply-accumulate operations for a picture">MACs</abbr>'
_ALONE = ""  # the group of models that share their trunk with no other


class Models:
    """The section of models; to be made where it shall be.

    Args:
        view: What stands behind the page.
        guest: Who looks.
    """

    def __init__(self, view: View, guest: Guest) -> None:
        self._view = view
        self._guest = guest
        self._manages = view.may_manage and guest.scope == "manage"
        self._groups: dict[str, _Group] = {}
        self._section = ui.element("section").classes("tl-models").props('aria-label="Models"')
        with self._section:
            with ui.element("header").classes("tl-head"):
                ui.label("Models").classes("tl-title").props('role="heading" aria-level="2"')
                self._count = ui.label().classes("tl-count")
                self._filter = (
                    ui.input(placeholder="Filter by name, label or task")
                    .props('dense outlined clearable aria-label="Filter models"')
                    .classes("tl-filter")
                    .on_value_change(self._sift)
                )
            self._empty = ui.label(_empty_words(manages=self._manages)).classes("tl-empty")
            self._none = ui.label("No model fits the filter.").classes("tl-empty")
            self._list = ui.element("div").classes("tl-trunks")

    def show(self, models: Sequence[ModelView]) -> None:
        """Show models as they are now."""
        grouped: dict[str, list[ModelView]] = {}
        for model in sorted(models, key=lambda each: (-each.sharing, each.trunk, each.name)):
            trunk = model.trunk if model.sharing > 1 else _ALONE
            grouped.setdefault(trunk, []).append(model)
        for gone in set(self._groups) - set(grouped):
            self._groups.pop(gone).delete()
        for trunk, members in grouped.items():
            if trunk not in self._groups:
                with self._list:
                    remove = self._remove if self._manages else None
                    self._groups[trunk] = _Group(members, trunk, remove)
            self._groups[trunk].show(members)
        self._count.text = counted(len(models), "model") if models else ""
        self._empty.set_visibility(not models)
        self._filter.set_visibility(len(models) >= _FILTER_FROM)
        self._sift()

    def _sift(self) -> None:
        wanted = str(self._filter.value or "").casefold().split()
        fitting = [group.sift(wanted) for group in self._groups.values()]
        self._none.set_visibility(bool(wanted) and not any(fitting))

    async def _remove(self, name: str) -> None:
        if not may(self._guest, "manage"):
            return
        question = f"Remove the model {shown(name)}? It stops answering at once."
        with self._section:  # the button that was pressed goes with the model
            if await confirmed(question, "Remove") and may(self._guest, "manage"):
                said = await attempt(self._view.remove(name))
                if said is not None:
                    say_done(said)
                    self.show(self._view.models())


class _Group:
    """Models that share a trunk, or those that share theirs with no other."""

    def __init__(
        self,
        members: Sequence[ModelView],
        trunk: str,
        remove: Callable[[str], object] | None,
    ) -> None:
        self._trunk = trunk
        self._remove = remove
        self._rows: dict[str, _Row] = {}
        self._unfolded = len(members) < _FOLDED_FROM
        self._box = ui.expansion("", value=self._unfolded).classes("tl-trunk")
        self._box.on_value_change(self._note)
        self._sifting = False

    def show(self, members: Sequence[ModelView]) -> None:
        """Show the models as they are now."""
        self._box.text = _trunk_words(members, self._trunk)
        self._box.props["caption"] = _cost_words(members, self._trunk)
        names = {each.name for each in members}
        for gone in set(self._rows) - names:
            self._rows.pop(gone).delete()
        for model in members:
            row = self._rows.get(model.name)
            if row is None or row.model_html != model_html(model):
                if row is not None:
                    row.delete()
                with self._box:
                    self._rows[model.name] = _Row(model, self._remove)
            self._rows[model.name].show(model)

    def sift(self, wanted: Sequence[str]) -> bool:
        """Hide what does not fit some words, and return whether anything does."""
        fits = [row.sift(wanted) for row in self._rows.values()]
        self._box.set_visibility(any(fits))
        self._sifting = True
        self._box.value = bool(wanted) or self._unfolded
        self._sifting = False
        return any(fits)

    def delete(self) -> None:
        """Take the group off the page."""
        self._box.delete()

    def _note(self) -> None:
        """Remember whether somebody has folded the group."""
        if not self._sifting:
            self._unfolded = bool(self._box.value)


class _Row:
    """One model."""

    def __init__(self, model: ModelView, remove: Callable[[str], object] | None) -> None:
        self.model_html = model_html(model)
        words = (model.name, model.task, model.trunk, *model.labels)
        self._words = "\n".join(words).casefold()
        self._box = ui.element("div").classes("tl-model")
        with self._box:
            ui.html(self.model_html, sanitize=False).classes("tl-what")
            self._figures = ui.label().classes("tl-figures")
            if remove is not None:
                button = ui.button(icon="delete_outline", color=None)
                button.props("flat round").classes("tl-remove")
                button.props["aria-label"] = f"Remove {shown(model.name)}"
                button.on_click(lambda: remove(model.name))

    def show(self, model: ModelView) -> None:
        """Show the model's figures as they are now."""
        self._figures.text = f"{rate(model.rate)} · {duration(model.latency)}"

    def sift(self, wanted: Sequence[str]) -> bool:
        """Hide the model where it lacks one of some words, and return whether it is seen."""
        fits = all(word in self._words for word in wanted)
        self._box.set_visibility(fits)
        return fits

    def delete(self) -> None:
        """Take the model off the page."""
        self._box.delete()


def model_html(model: ModelView) -> str:
    """Return what does not change about a model: name, task, labels and cost."""
    labels = ", ".join(shown(each) for each in model.labels[:_LABELS_SHOWN])
    more = len(model.labels) - _LABELS_SHOWN
    if more > 0:
        labels += f" and {more} more"
    cost = f"{amount(model.macs)} {_MACS} of its own"
    if model.sharing <= 1:
        cost += f", {amount(model.trunk_macs)} in {escape(shown(model.trunk))}"
    return (
        f'<h4 style="--model:{colour(model.name)}">{escape(shown(model.name))}</h4>'
        f"<p>{model.task}: {escape(labels)}</p><p>{cost}</p>"
    )


def _trunk_words(members: Sequence[ModelView], trunk: str) -> str:
    if trunk == _ALONE:
        return f"{counted(len(members), 'model')} with a trunk of its own"
    return f"{counted(len(members), 'model')} on one trunk: {shown(trunk)}"


def _cost_words(members: Sequence[ModelView], trunk: str) -> str:
    if trunk == _ALONE:
        whole = "It is" if len(members) == 1 else "Each is"
        return f"{whole} computed in full for every picture."
    macs = members[0].trunk_macs
    return f"{amount(macs)} MACs, computed once for all of them."


def _empty_words(*, manages: bool) -> str:
    if manages:
        return "No model yet: drop a zip here."
    return "No model yet. Models are added where this server was started, or by a key for manage."
