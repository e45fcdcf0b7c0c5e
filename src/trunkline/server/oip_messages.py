# SPDX-License-Identifier: Apache-2.0
"""The protobuf messages of ``inference.GRPCInferenceService``, as far as this server speaks them.

Declared as ``trunkline.exports.messages`` says, with the names and numbers of
``grpc_service.proto`` and ``model_config.proto`` of Triton, which extend KServe's
``grpc_predict_v2.proto``; the tests compare each with what Triton's client carries.
"""

from __future__ import annotations

from trunkline.exports.messages import Message, message_class, message_pool

__all__ = ["SERVICE", "STREAM", "message"]

SERVICE = "inference.GRPCInferenceService"

STREAM = "ModelStreamInfer"
"""The method that takes any number of the requests of ``ModelInfer``."""

_TABLE = """
ServerLiveRequest:
ServerLiveResponse: live 1 bool
ServerReadyRequest:
ServerReadyResponse: ready 1 bool
ModelReadyRequest: name 1 string, version 2 string
ModelReadyResponse: ready 1 bool
ServerMetadataRequest:
ServerMetadataResponse: name 1 string, version 2 string, extensions 3 string repeated
ModelMetadataRequest: name 1 string, version 2 string
ModelMetadataResponse: name 1 string, versions 2 string repeated, platform 3 string,
  inputs 4 TensorMetadata repeated, outputs 5 TensorMetadata repeated
TensorMetadata: name 1 string, datatype 2 string, shape 3 int64 repeated
InferParameter: oneof parameter_choice: bool_param 1 bool, int64_param 2 int64,
  string_param 3 string, double_param 4 double, uint64_param 5 uint64
InferTensorContents: bool_contents 1 bool repeated, int_contents 2 int32 repeated,
  int64_contents 3 int64 repeated, uint_contents 4 uint32 repeated,
  uint64_contents 5 uint64 repeated, fp32_contents 6 float repeated,
  fp64_contents 7 double repeated, bytes_contents 8 bytes repeated
ModelInferRequest: model_name 1 string, model_version 2 string, id 3 string,
  parameters 4 map<InferParameter>, inputs 5 InferInputTensor repeated,
  outputs 6 InferRequestedOutputTensor repeated, raw_input_contents 7 bytes repeated
InferInputTensor: name 1 string, datatype 2 string, shape 3 int64 repeated,
  parameters 4 map<InferParameter>, contents 5 InferTensorContents
InferRequestedOutputTensor: name 1 string, parameters 2 map<InferParameter>
ModelInferResponse: model_name 1 string, model_version 2 string, id 3 string,
  parameters 4 map<InferParameter>, outputs 5 InferOutputTensor repeated,
  raw_output_contents 6 bytes repeated
InferOutputTensor: name 1 string, datatype 2 string, shape 3 int64 repeated,
  parameters 4 map<InferParameter>, contents 5 InferTensorContents
ModelStreamInferResponse: error_message 1 string, infer_response 2 ModelInferResponse
ModelConfigRequest: name 1 string, version 2 string
ModelConfigResponse: config 1 ModelConfig
ModelConfig: name 1 string, platform 2 string, max_batch_size 4 int32,
  input 5 ModelInput repeated, output 6 ModelOutput repeated,
  parameters 14 map<ModelParameter>, backend 17 string
ModelInput: name 1 string, data_type 2 DataType, dims 4 int64 repeated, optional 8 bool
ModelOutput: name 1 string, data_type 2 DataType, dims 3 int64 repeated
ModelParameter: string_value 1 string
enum DataType: TYPE_INVALID 0, TYPE_BOOL 1, TYPE_UINT8 2, TYPE_UINT16 3, TYPE_UINT32 4,
  TYPE_UINT64 5, TYPE_INT8 6, TYPE_INT16 7, TYPE_INT32 8, TYPE_INT64 9, TYPE_FP16 10,
  TYPE_FP32 11, TYPE_FP64 12, TYPE_STRING 13, TYPE_BF16 14
ModelStatisticsRequest: name 1 string, version 2 string
ModelStatisticsResponse: model_stats 1 ModelStatistics repeated
ModelStatistics: name 1 string, version 2 string, last_inference 3 uint64,
  inference_count 4 uint64, execution_count 5 uint64, inference_stats 6 InferStatistics,
  batch_stats 7 InferBatchStatistics repeated
InferStatistics: success 1 StatisticDuration, fail 2 StatisticDuration,
  queue 3 StatisticDuration, compute_input 4 StatisticDuration,
  compute_infer 5 StatisticDuration, compute_output 6 StatisticDuration
InferBatchStatistics: batch_size 1 uint64
StatisticDuration: count 1 uint64, ns 2 uint64
RepositoryIndexRequest: repository_name 1 string, ready 2 bool
RepositoryIndexResponse: models 1 ModelIndex repeated
ModelIndex: name 1 string, version 2 string, state 3 string, reason 4 string
RepositoryModelLoadRequest: repository_name 1 string, model_name 2 string,
  parameters 3 map<ModelRepositoryParameter>
RepositoryModelLoadResponse:
RepositoryModelUnloadRequest: repository_name 1 string, model_name 2 string,
  parameters 3 map<ModelRepositoryParameter>
RepositoryModelUnloadResponse:
ModelRepositoryParameter: oneof parameter_choice: bool_param 1 bool, int64_param 2 int64,
  string_param 3 string, bytes_param 4 bytes
"""

_POOL = message_pool("inference", _TABLE)


def message(name: str) -> Message:
    """Return the class of a message, such as ``ModelInferRequest``."""
    return message_class(_POOL, f"inference.{name}")
