# SPDX-License-Identifier: Apache-2.0
"""Raw outputs to predictions.

A graph answers in numbers; a decoder, chosen when the export is read, turns them into a
``Classification`` or a ``Detection``. Decoders are values: frozen, hashable and without state, so
one may be shared by any number of models and threads.

What holds for every detector, whatever its family:

* Boxes are clipped to the frame, as the service's own answers are (the scripts that came with the
  exports let them stick out). Suppression looks at the boxes before they are clipped, as those
  scripts do, so the same boxes are chosen.
* A box with a coordinate or score that is not a finite number, with no area inside the frame, or
  of a class that has no label is dropped.
* Boxes are sorted by probability, the highest first; equals stay in the graph's order.
"""

from __future__ import annotations

from trunkline.decoding.boxes import BoxesDecoder
from trunkline.decoding.classification import ClassificationDecoder
from trunkline.decoding.suppression import suppress, suppress_per_class
from trunkline.decoding.yolo import COMPACT_ANCHORS, YoloGridDecoder, YoloRowsDecoder

__all__ = [
    "COMPACT_ANCHORS",
    "BoxesDecoder",
    "ClassificationDecoder",
    "YoloGridDecoder",
    "YoloRowsDecoder",
    "suppress",
    "suppress_per_class",
]
