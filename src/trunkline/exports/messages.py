# SPDX-License-Identifier: Apache-2.0
"""The protobuf messages of TensorFlow graphs and Core ML models, as far as exports need them.

The classes are built at import from the two tables below, in a pool of their own, so that they
never clash with those of an installed ``tensorflow`` or ``coremltools``. A paragraph declares a
message: its fields as ``name number type``, a repeated one with ``repeated`` after it, a map from
strings as ``map<type>``, the members of a oneof after the oneof's name. A field without a type is a
message whose content is not read. protobuf skips fields that are not declared.

Names and numbers are those of TensorFlow's ``graph.proto`` and the files it imports, and of Apple's
``Model.proto``, ``FeatureTypes.proto`` and ``NeuralNetwork.proto`` (Core ML format reference); the
tests compare each with the packages that TensorFlow and Apple publish. Where messages have the same
fields, one declaration serves them all.
"""

from __future__ import annotations

import re
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

__all__ = [
    "BundleEntry",
    "BundleHeader",
    "CoreMLModel",
    "GraphDef",
    "Message",
    "SavedModel",
    "message_class",
    "message_pool",
]

Message = Any
"""A protobuf message: its class is made at run time, so no type checker knows its fields."""

_TENSORFLOW = """
GraphDef: node 1 NodeDef repeated, library 2 FunctionDefLibrary, versions 4 VersionDef
VersionDef: producer 1 int32, min_consumer 2 int32, bad_consumers 3 int32 repeated
NodeDef: name 1 string, op 2 string, input 3 string repeated, device 4 string,
  attr 5 map<AttrValue>
AttrValue: oneof value: list 1 ListValue, s 2 bytes, i 3 int64, f 4 float, b 5 bool,
  type 6 DataType, shape 7 TensorShapeProto, tensor 8 TensorProto, func 10 NameAttrList
NameAttrList: name 1 string
ListValue: s 2 bytes repeated, i 3 int64 repeated, f 4 float repeated, b 5 bool repeated,
  type 6 DataType repeated, shape 7 TensorShapeProto repeated
TensorShapeProto: dim 2 Dim repeated, unknown_rank 3 bool
Dim: size 1 int64, name 2 string
TensorProto: dtype 1 DataType, tensor_shape 2 TensorShapeProto, tensor_content 4 bytes,
  float_val 5 float repeated, double_val 6 double repeated, int_val 7 int32 repeated,
  string_val 8 bytes repeated, int64_val 10 int64 repeated, bool_val 11 bool repeated,
  half_val 13 int32 repeated
enum DataType: DT_INVALID 0, DT_FLOAT 1, DT_DOUBLE 2, DT_INT32 3, DT_UINT8 4, DT_INT16 5,
  DT_INT8 6, DT_STRING 7, DT_COMPLEX64 8, DT_INT64 9, DT_BOOL 10, DT_UINT16 17, DT_HALF 19,
  DT_RESOURCE 20, DT_VARIANT 21, DT_UINT32 22, DT_UINT64 23
FunctionDefLibrary: function 1 FunctionDef repeated
FunctionDef: signature 1 OpDef, node_def 3 NodeDef repeated, ret 4 map<string>
OpDef: name 1 string, input_arg 2 ArgDef repeated, output_arg 3 ArgDef repeated
ArgDef: name 1 string
SavedModel: meta_graphs 2 MetaGraphDef repeated
MetaGraphDef: graph_def 2 GraphDef
BundleHeaderProto: num_shards 1 int32
BundleEntryProto: shard_id 3 int32, offset 4 int64, size 5 int64
"""

_COREML = """
Model: specificationVersion 1 int32, description 2 ModelDescription;
  oneof Type: pipelineClassifier 200, pipelineRegressor 201, pipeline 202 Pipeline,
  glmRegressor 300, supportVectorRegressor 301, treeEnsembleRegressor 302,
  neuralNetworkRegressor 303 NeuralNetwork, bayesianProbitRegressor 304, glmClassifier 400,
  supportVectorClassifier 401, treeEnsembleClassifier 402,
  neuralNetworkClassifier 403 NeuralNetworkClassifier, kNearestNeighborsClassifier 404,
  neuralNetwork 500 NeuralNetwork, itemSimilarityRecommender 501, mlProgram 502, customModel 555,
  linkedModel 556, classConfidenceThresholding 560, oneHotEncoder 600, imputer 601,
  featureVectorizer 602, dictVectorizer 603, scaler 604, categoricalMapping 606, normalizer 607,
  arrayFeatureExtractor 609, nonMaximumSuppression 610, identity 900, textClassifier 2000,
  wordTagger 2001, visionFeaturePrint 2002, soundAnalysisPreprocessing 2003, gazetteer 2004,
  wordEmbedding 2005, audioFeaturePrint 2006, serializedModel 3000
Pipeline: models 1 Model repeated, names 2 string repeated
ModelDescription: input 1 FeatureDescription repeated, output 10 FeatureDescription repeated
FeatureDescription: name 1 string, type 3 FeatureType
FeatureType: oneof Type: imageType 4 ImageFeatureType, multiArrayType 5 ArrayFeatureType
ImageFeatureType: width 1 int64, height 2 int64, colorSpace 3 ColorSpace
enum ColorSpace: INVALID_COLOR_SPACE 0, GRAYSCALE 10, RGB 20, BGR 30, GRAYSCALE_FLOAT16 40
ArrayFeatureType: shape 1 int64 repeated
NeuralNetwork: layers 1 NeuralNetworkLayer repeated,
  preprocessing 2 NeuralNetworkPreprocessing repeated
NeuralNetworkClassifier: layers 1 NeuralNetworkLayer repeated,
  preprocessing 2 NeuralNetworkPreprocessing repeated, labelProbabilityLayerName 200 string;
  oneof ClassLabels: stringClassLabels 100 StringVector, int64ClassLabels 101 Int64Vector
StringVector: vector 1 string repeated
Int64Vector: vector 1 int64 repeated
NeuralNetworkPreprocessing: featureName 1 string;
  oneof preprocessor: scaler 10 NeuralNetworkImageScaler, meanImage 11
NeuralNetworkImageScaler: channelScale 10 float, blueBias 20 float, greenBias 21 float,
  redBias 22 float, grayBias 30 float
NeuralNetworkLayer: name 1 string, input 2 string repeated, output 3 string repeated;
  oneof layer: convolution 100 ConvolutionLayerParams, pooling 120 PoolingLayerParams,
  activation 130 ActivationParams, innerProduct 140 InnerProductLayerParams, embedding 150,
  batchnorm 160 BatchnormLayerParams, mvn 165, l2normalize 170, softmax 175, lrn 180, crop 190,
  padding 200 PaddingLayerParams, upsample 210 UpsampleLayerParams, resizeBilinear 211,
  cropResize 212, unary 220, add 230 Alpha, multiply 231 Alpha,
  average 240, scale 245 ScaleLayerParams, bias 250 BiasLayerParams, max 260, min 261, dot 270,
  reduce 280, loadConstant 290, reshape 300 ReshapeLayerParams, flatten 301 FlattenLayerParams,
  permute 310 PermuteLayerParams, concat 320 ConcatLayerParams, split 330, sequenceRepeat 340,
  reorganizeData 345, slice 350 SliceLayerParams, simpleRecurrent 400, gru 410,
  uniDirectionalLSTM 420,
  biDirectionalLSTM 430, custom 500, copy 600, branch 605, loop 615, loopBreak 620,
  loopContinue 625, rangeStatic 635, rangeDynamic 640,
  clip 660 ClipLayerParams, ceil 665, floor 670, sign 680,
  round 685, exp2 700, sin 710, cos 715, tan 720, asin 730, acos 735, atan 740, sinh 750, cosh 755,
  tanh 760, asinh 770, acosh 775, atanh 780, erf 790, gelu 795, equal 815, notEqual 820,
  lessThan 825, lessEqual 827, greaterThan 830, greaterEqual 832, logicalOr 840, logicalXor 845,
  logicalNot 850, logicalAnd 855, modBroadcastable 865, minBroadcastable 870,
  maxBroadcastable 875, addBroadcastable 880, powBroadcastable 885, divideBroadcastable 890,
  floorDivBroadcastable 895, multiplyBroadcastable 900, subtractBroadcastable 905, tile 920,
  stack 925, gather 930, scatter 935, gatherND 940, scatterND 945, softmaxND 950,
  gatherAlongAxis 952, scatterAlongAxis 954, reverse 960, reverseSeq 965, splitND 975,
  concatND 980, transpose 985, sliceStatic 995, sliceDynamic 1000, slidingWindows 1005, topK 1015,
  argMin 1020, argMax 1025, embeddingND 1040, batchedMatmul 1045, getShape 1065,
  loadConstantND 1070, fillLike 1080, fillStatic 1085, fillDynamic 1090, broadcastToLike 1100,
  broadcastToStatic 1105, broadcastToDynamic 1110, squeeze 1120, expandDims 1125,
  flattenTo2D 1130, reshapeLike 1135, reshapeStatic 1140, reshapeDynamic 1145,
  rankPreservingReshape 1150, constantPad 1155, randomNormalLike 1170, randomNormalStatic 1175,
  randomNormalDynamic 1180, randomUniformLike 1190, randomUniformStatic 1195,
  randomUniformDynamic 1200, randomBernoulliLike 1210, randomBernoulliStatic 1215,
  randomBernoulliDynamic 1220, categoricalDistribution 1230, reduceL1 1250, reduceL2 1255,
  reduceMax 1260, reduceMin 1265, reduceSum 1270, reduceProd 1275, reduceMean 1280,
  reduceLogSum 1285, reduceSumSquare 1290, reduceLogSumExp 1295, whereNonZero 1313,
  matrixBandPart 1315, lowerTriangular 1320, upperTriangular 1325, whereBroadcastable 1330,
  layerNormalization 1350, NonMaximumSuppression 1400, oneHot 1450, cumSum 1455, clampedReLU 1460,
  argSort 1461, pooling3d 1465, globalPooling3d 1466, sliceBySize 1470, convolution3d 1471
WeightParams: floatValue 1 float repeated, float16Value 2 bytes, rawValue 30 bytes,
  int8RawValue 31 bytes, quantization 40
ConvolutionLayerParams: outputChannels 1 uint64, kernelChannels 2 uint64, nGroups 10 uint64,
  kernelSize 20 uint64 repeated, stride 30 uint64 repeated, dilationFactor 40 uint64 repeated,
  isDeconvolution 60 bool, hasBias 70 bool, weights 90 WeightParams, bias 91 WeightParams;
  oneof ConvolutionPaddingType: valid 50 ValidPadding, same 51 SamePadding
ValidPadding: paddingAmounts 1 BorderAmounts
BorderAmounts: borderAmounts 10 EdgeSizes repeated
EdgeSizes: startEdgeSize 1 uint64, endEdgeSize 2 uint64
SamePadding: asymmetryMode 1 SamePaddingMode
enum SamePaddingMode: BOTTOM_RIGHT_HEAVY 0, TOP_LEFT_HEAVY 1
PoolingLayerParams: type 1 PoolingType, kernelSize 10 uint64 repeated, stride 20 uint64 repeated,
  avgPoolExcludePadding 50 bool, globalPooling 60 bool;
  oneof PoolingPaddingType: valid 30 ValidPadding, same 31 SamePadding,
  includeLastPixel 32 ValidCompletePadding
enum PoolingType: MAX 0, AVERAGE 1, L2 2
ValidCompletePadding: paddingAmounts 10 uint64 repeated
InnerProductLayerParams: inputChannels 1 uint64, outputChannels 2 uint64, hasBias 10 bool,
  weights 20 WeightParams, bias 21 WeightParams
BatchnormLayerParams: channels 1 uint64, computeMeanVar 5 bool, instanceNormalization 6 bool,
  epsilon 10 float, gamma 15 WeightParams, beta 16 WeightParams, mean 17 WeightParams,
  variance 18 WeightParams
PaddingLayerParams: paddingAmounts 10 BorderAmounts;
  oneof PaddingType: constant 1 PaddingConstant, reflection 2, replication 3
PaddingConstant: value 1 float
UpsampleLayerParams: scalingFactor 1 uint64 repeated, mode 5 InterpolationMode,
  fractionalScalingFactor 7 float repeated
enum InterpolationMode: NN 0, BILINEAR 1
ScaleLayerParams: shapeScale 1 uint64 repeated, scale 2 WeightParams, hasBias 3 bool,
  shapeBias 4 uint64 repeated, bias 5 WeightParams
BiasLayerParams: shape 1 uint64 repeated, bias 2 WeightParams
ReshapeLayerParams: targetShape 1 int64 repeated, mode 2 Order
FlattenLayerParams: mode 1 Order
enum Order: CHANNEL_FIRST 0, CHANNEL_LAST 1
PermuteLayerParams: axis 1 uint64 repeated
ConcatLayerParams: sequenceConcat 100 bool
SliceLayerParams: startIndex 1 int64, endIndex 2 int64, stride 3 uint64, axis 4 SliceAxis
enum SliceAxis: CHANNEL_AXIS 0, HEIGHT_AXIS 1, WIDTH_AXIS 2
ClipLayerParams: minVal 1 float, maxVal 2 float
ActivationParams: oneof NonlinearityType: linear 5 AlphaBeta, ReLU 10, leakyReLU 15 Alpha,
  thresholdedReLU 20 Alpha, PReLU 25 AlphaWeights, tanh 30, scaledTanh 31 AlphaBeta, sigmoid 40,
  sigmoidHard 41 AlphaBeta, ELU 50 Alpha, softsign 60, softplus 70, parametricSoftplus 71
Alpha: alpha 1 float
AlphaBeta: alpha 1 float, beta 2 float
AlphaWeights: alpha 1 WeightParams
"""

_Field = descriptor_pb2.FieldDescriptorProto
_SCALARS = {name.removeprefix("TYPE_").lower(): number for name, number in _Field.Type.items()}
_UNREAD = "Unread"


def _add_enum(enum: descriptor_pb2.EnumDescriptorProto, body: str) -> None:
    for member in body.split(","):
        name, number = member.split()
        enum.value.add(name=name, number=int(number))


def _set_type(field: descriptor_pb2.FieldDescriptorProto, kind: str, enums: set[str]) -> None:
    """Give a field its type: a scalar's name, or that of a message or enum of the same table."""
    if kind in _SCALARS:
        field.type = _SCALARS[kind]
    else:
        field.type = _Field.TYPE_ENUM if kind in enums else _Field.TYPE_MESSAGE
        field.type_name = kind


def _add_map(message: descriptor_pb2.DescriptorProto, name: str, kind: str) -> str:
    """Declare what a map is on the wire, a repeated message of key and value; return its name."""
    entry_name = f"{name.capitalize()}Entry"
    entry = message.nested_type.add(name=entry_name)
    entry.options.map_entry = True
    for number, (part, part_kind) in enumerate((("key", "string"), ("value", kind)), start=1):
        field = entry.field.add(name=part, number=number, label=_Field.LABEL_OPTIONAL)
        _set_type(field, part_kind, set())
    return entry_name


def _add_field(
    message: descriptor_pb2.DescriptorProto, declaration: str, oneof: int | None, enums: set[str]
) -> None:
    name, number, *rest = declaration.split()
    kind, *repeated = rest or [_UNREAD]
    if kind.startswith("map<"):
        kind, repeated = _add_map(message, name, kind[4:-1]), ["repeated"]
    label = _Field.LABEL_REPEATED if repeated else _Field.LABEL_OPTIONAL
    field = message.field.add(name=name, number=int(number), label=label)
    _set_type(field, kind, enums)
    if oneof is not None:
        field.oneof_index = oneof


def _add_message(message: descriptor_pb2.DescriptorProto, body: str, enums: set[str]) -> None:
    for group in body.split(";"):
        oneof, _, fields = group.rpartition(":")
        if oneof:
            message.oneof_decl.add(name=oneof.split()[-1])
        for declaration in fields.split(",") if fields.strip() else ():
            _add_field(message, declaration, len(message.oneof_decl) - 1 if oneof else None, enums)


def message_pool(package: str, table: str) -> descriptor_pool.DescriptorPool:
    """Build a pool that holds the messages and enums of a table, in proto3 semantics.

    Args:
        package: The package that they are to be in.
        table: The declarations, as this module's docstring says.
    """
    file = descriptor_pb2.FileDescriptorProto(
        name=f"{package}.proto", package=package, syntax="proto3"
    )
    file.message_type.add(name=_UNREAD)
    paragraphs = [entry.split(":", 1) for entry in re.split(r"\n(?=\S)", table.strip())]
    enums = {head.removeprefix("enum ") for head, _ in paragraphs if head.startswith("enum ")}
    for head, body in paragraphs:
        if head.startswith("enum "):
            _add_enum(file.enum_type.add(name=head.removeprefix("enum ")), body)
        else:
            _add_message(file.message_type.add(name=head), body, enums)
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return pool


def message_class(pool: descriptor_pool.DescriptorPool, name: str) -> Message:
    """Return the class of one of a pool's messages, given by its full name."""
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(name))


_tensorflow = message_pool("trunkline.tensorflow", _TENSORFLOW)

GraphDef = message_class(_tensorflow, "trunkline.tensorflow.GraphDef")
"""TensorFlow's ``GraphDef``: nodes, each with its name, operation, inputs and attributes."""

SavedModel = message_class(_tensorflow, "trunkline.tensorflow.SavedModel")
"""TensorFlow's ``SavedModel``: graphs with their signatures, and without their variables."""

BundleHeader = message_class(_tensorflow, "trunkline.tensorflow.BundleHeaderProto")
"""What ``variables.index`` says of all variables."""

BundleEntry = message_class(_tensorflow, "trunkline.tensorflow.BundleEntryProto")
"""Where a variable of a SavedModel is."""

CoreMLModel = message_class(message_pool("trunkline.coreml", _COREML), "trunkline.coreml.Model")
"""Core ML's ``Model``: the content of an ``.mlmodel`` file."""
