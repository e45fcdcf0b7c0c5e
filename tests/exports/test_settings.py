# SPDX-License-Identifier: Apache-2.0
"""``model.toml``: what it can say, and a sentence for every way to get it wrong."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trunkline.contracts import Preset
from trunkline.errors import ExportError
from trunkline.exports.settings import InputSettings, ModelSettings, OutputSettings, parse


def read(text: str) -> ModelSettings:
    return parse(text.encode(), "model.toml")


def problem(text: str | bytes) -> str:
    with pytest.raises(ExportError) as caught:
        parse(text if isinstance(text, bytes) else text.encode(), "cats/model.toml")
    message = str(caught.value)
    assert message.startswith("cats/model.toml: ")
    assert message.endswith((".", "?"))
    return message.removeprefix("cats/model.toml: ")


def test_everything_for_a_detector_with_boxes():
    told = read(
        """
        task = "detection"
        labels = ["person", " bus "]
        name = "people"
        [input]
        width = 320
        height = 300
        order = "RGB"
        maximum = 255
        mean = [103.9, 117, 124]
        std = [1, 1.5, 2]
        resize = "sample-stretch"
        layout = "NHWC"
        [output]
        decode = "boxes"
        tensors = ["detection_boxes:0", "detection_scores:0", "detection_classes:0"]
        corners = "yxyx"
        first_class = 1
        threshold = 0.25
        limit = 100
        """
    )
    assert told == ModelSettings(
        task="detection",
        labels=("person", "bus"),
        name="people",
        input=InputSettings(
            width=320,
            height=300,
            order="RGB",
            maximum=255.0,
            mean=(103.9, 117.0, 124.0),
            std=(1.0, 1.5, 2.0),
            resize=Preset.SAMPLE_STRETCH,
            layout="NHWC",
        ),
        output=OutputSettings(
            decode="boxes",
            tensors=("detection_boxes:0", "detection_scores:0", "detection_classes:0"),
            corners="yxyx",
            first_class=1,
            threshold=0.25,
            limit=100,
        ),
    )
    assert isinstance(told.input.resize, Preset)
    assert isinstance(told.input.maximum, float)
    assert all(isinstance(value, float) for value in told.input.mean)


def test_grids():
    told = read('[output]\ndecode = "yolo-grid"\nanchors = [[0.57, 0.67], [1, 2]]\niou = 1')
    assert told.output == OutputSettings("yolo-grid", anchors=((0.57, 0.67), (1.0, 2.0)), iou=1.0)


def test_no_suppression_for_boxes_that_the_graph_has_chosen():
    with pytest.raises(ExportError, match="chosen already"):
        read('[output]\ndecode = "boxes"\niou = 0.5')


def test_rows():
    told = read('[output]\ndecode = "yolo-rows"\nobjectness = true\ntransposed = false')
    assert told.output == OutputSettings("yolo-rows", objectness=True, transposed=False)


@pytest.mark.parametrize("task", ["multiclass", "multilabel"])
@pytest.mark.parametrize("decode", ["probabilities", "logits"])
def test_classifiers(task, decode):
    told = read(f'task = "{task}"\n[output]\ndecode = "{decode}"')
    assert (told.task, told.output.decode) == (task, decode)


def test_thresholds_need_no_decode():
    assert read("[output]\nthreshold = 0.5").output == OutputSettings(threshold=0.5)


def test_nothing_said_is_nothing_told():
    assert read("# empty") == ModelSettings()


def test_labels_may_be_a_file():
    told = read('labels = "coco.txt"')
    assert (told.labels, told.label_file) == (None, "coco.txt")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_any_editor(encoding):
    assert parse('name = "Café"\r\n'.encode(encoding), "model.toml").name == "Café"


EXPECTATIONS = {
    'task = "classify"': 'task is "classify"; it should be "multiclass", "multilabel" or',
    "task = 1": 'task is 1; it should be "multiclass"',
    "labels = 3": "labels is 3; it should be an array of labels, or the name of a file",
    "labels = []": "labels is []; it should be an array of 1 to 100000 items",
    'labels = ["a", ""]': 'labels is ["a", ""]; it should be an array of 1 to 100000 items',
    'labels = ["a", 2]': 'labels is ["a", 2]; it should be',
    'labels = "../coco.txt"': 'labels is "../coco.txt"; it should be the name of a file',
    'labels = "/etc/passwd"': 'labels is "/etc/passwd"; it should be the name of a file',
    'labels = ".."': 'labels is ".."; it should be the name of a file',
    "labels = 'a\\b'": 'labels is "a\\\\b"; it should be the name of a file',
    'labels = "a/"': 'labels is "a/"; it should be the name of a file',
    'labels = " "': 'labels is " "; it should be text',
    "name = true": "name is true; it should be text in quotes",
    'name = "a\\nb"': 'name is "a\\nb"; it should be text in quotes, on one line',
    "input = 3": "input is 3; it should be a table, [input].",
    "[[output]]": "output is [{}]; it should be a table, [output].",
    "[input]\nwidth = 0": "input.width is 0; it should be a whole number from 1 to 8192.",
    "[input]\nwidth = 8193": "input.width is 8193; it should be a whole number from 1 to 8192.",
    "[input]\nwidth = true": "input.width is true; it should be a whole number",
    "[input]\nwidth = 300.0": "input.width is 300.0; it should be a whole number",
    '[input]\nheight = "300"': 'input.height is "300"; it should be a whole number',
    '[input]\norder = "rgb"': 'input.order is "rgb"; it should be "RGB" or "BGR".',
    "[input]\nmaximum = 254": "input.maximum is 254; it should be 255 or 1.",
    "[input]\nmaximum = true": "input.maximum is true; it should be 255 or 1.",
    "[input]\nmean = [1, 2]": "input.mean is [1, 2]; it should be an array of 3 items.",
    "[input]\nmean = [1, 2, nan]": "input.mean is [1, 2, NaN]; it should be an array of 3",
    "[input]\nmean = [1, 2, 1001]": "input.mean is [1, 2, 1001]; it should be an array of 3",
    "[input]\nmean = [1, 2, false]": "input.mean is [1, 2, false]; it should be an array of 3",
    "[input]\nmean = 104": "input.mean is 104; it should be an array of 3",
    "[input]\nstd = [1, 0, 1]": "input.std is [1, 0, 1]; it should be an array of 3",
    "[input]\nstd = [1, inf, 1]": "input.std is [1, Infinity, 1]; it should be",
    '[input]\nresize = "crop"': 'input.resize is "crop"; it should be "container-2018", "container',
    "[input]\nlayout = 1979-05-27": 'input.layout is "1979-05-27"; it should be "NHWC" or "NCHW".',
    '[output]\ndecode = "yolo"': 'output.decode is "yolo"; it should be "probabilities", "logi',
    "[output]\ntensors = []": "output.tensors is []; it should be an array of 1 to 100",
    '[output]\ncorners = "xywh"': 'output.corners is "xywh"; it should be "xyxy" or "yxyx".',
    "[output]\nfirst_class = -1": "output.first_class is -1; it should be a whole number from 0",
    "[output]\nanchors = [1, 2]": "output.anchors is [1, 2]; it should be an array of 1 to 100",
    "[output]\nanchors = [[1, 2, 3]]": "output.anchors is [[1, 2, 3]]; it should be",
    "[output]\nanchors = [[0, 1]]": "output.anchors is [[0, 1]]; it should be an array of 1 to 100",
    "[output]\nobjectness = 1": "output.objectness is 1; it should be true or false",
    "[output]\nthreshold = 1.01": "output.threshold is 1.01; it should be a number from 0 to 1.",
    "[output]\nthreshold = -0.1": "output.threshold is -0.1; it should be a number from 0 to 1.",
    "[output]\niou = nan": "output.iou is NaN; it should be a number from 0 to 1.",
    "[output]\nlimit = 0": "output.limit is 0; it should be a whole number from 1 to 10000.",
}


@pytest.mark.parametrize("text", EXPECTATIONS, ids=str)
def test_a_wrong_value_names_the_key_what_was_found_and_what_is_expected(text):
    assert problem(text).startswith(EXPECTATIONS[text])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('lables = ["a"]', "the key 'lables' is unknown. Did you mean 'labels'?"),
        ("[input]\nwitdh = 3", "the key 'input.witdh' is unknown. Did you mean 'width'?"),
        ("[input]\nWidth = 3", "the key 'input.Width' is unknown. Did you mean 'width'?"),
        ("[ouput]\nlimit = 3", "the key 'ouput' is unknown. Did you mean 'output'?"),
        ("width = 3", "the key 'width' is unknown. It belongs under [input]."),
        ("[input]\nlimit = 3", "the key 'input.limit' is unknown. It belongs under [output]."),
        ('[input]\nname = "x"', "the key 'input.name' is unknown. It belongs above all tables."),
        ("zzz = 3", "the key 'zzz' is unknown. Known here: task, labels, name, input, output."),
        ('"" = 3', "the key '' is unknown. Known here: task, labels, name, input, output."),
    ],
)
def test_an_unknown_key_comes_with_advice(text, message):
    assert problem(text) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            'task = "multiclass"\n[output]\ndecode = "boxes"',
            'output.decode = "boxes" does not go with task = "multiclass".',
        ),
        (
            'task = "detection"\n[output]\ndecode = "logits"',
            'output.decode = "logits" does not go with task = "detection".',
        ),
        (
            'task = "multilabel"\n[output]\nthreshold = 0.5',
            "output.threshold is only for detection; leave it out.",
        ),
        (
            '[output]\ndecode = "probabilities"\nlimit = 5',
            "output.limit is only for detection; leave it out.",
        ),
        (
            '[output]\ndecode = "yolo-rows"\nanchors = [[1, 1]]',
            'output.anchors goes only with output.decode = "yolo-grid".',
        ),
        (
            "[output]\nfirst_class = 0",
            'output.first_class goes only with output.decode = "boxes".',
        ),
        (
            '[output]\ndecode = "boxes"\ntransposed = false',
            'output.transposed goes only with output.decode = "yolo-rows".',
        ),
    ],
)
def test_contradictions(text, message):
    assert problem(text) == message


@pytest.mark.parametrize(
    "text",
    [
        "task = detection",
        'task = "detection',
        "a = 1\na = 2",
        b"\xff\xfe\x00",
        codecs.BOM_UTF8 + b"\xff",
        "labels = " + "[" * 5000,
        "[input]\nwidth = " + "9" * 5000,
    ],
)
def test_what_is_not_toml(text):
    assert problem(text).startswith(("is not valid TOML (", "is not a text file"))


def test_a_number_too_long_to_show():
    assert problem("[input]\nwidth = 0x" + "f" * 5000).startswith(
        "input.width is a number of thousands of digits; it should be"
    )
    assert problem("[input]\nmean = [0, 0, 0x" + "f" * 5000 + "]").startswith("input.mean is a num")


def test_long_values_are_cut():
    assert len(problem(f'task = "{"x" * 1000}"')) < 200


def test_too_large():
    assert problem(b"#" * ((1 << 20) + 1)) == "is larger than 1 MiB, too large for settings."


VALUES = st.one_of(
    st.booleans(),
    st.integers(),
    st.floats(),
    st.sampled_from(['"RGB"', '"boxes"', '"a.txt"', "[]", "[1, 2, 3]", "{}", "1979-05-27", "'x'"]),
)
KEYS = st.sampled_from(
    ["task", "labels", "name", "width", "mean", "decode", "anchors", "limit", "q"]
)


@given(st.dictionaries(KEYS, VALUES), st.sampled_from(["", "[input]\n", "[output]\n"]))
@settings(deadline=None, max_examples=150)
def test_any_table_gives_settings_or_a_sentence(entries, table):
    lines = [f"{key} = {str(value).lower()}" for key, value in entries.items()]
    try:
        read(table + "\n".join(lines))
    except ExportError as error:
        assert str(error).startswith("model.toml: ")  # noqa: PT017 - either outcome is right
