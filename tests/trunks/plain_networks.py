# SPDX-License-Identifier: Apache-2.0
"""The two networks in plain NumPy and float64, written from their papers and state dicts.

Batch normalisation is done where it stands, the picture is normalised as the publishers say, and
padding is written out. Nothing of the builder is used.
"""

from __future__ import annotations

import numpy as np


def lite0_features(weights, picture):
    """EfficientNet-Lite0; ``picture`` is RGB, 0 to 255, of shape (rows, columns, 3).

    Its features are the means of the last layer's channels, and a tenth of the maxima of the
    filters, after their activation, of all blocks of 7 rows and columns.
    """
    net = Plain(weights, 1e-3, tensorflow=True)
    data = (picture.astype(np.float64).transpose(2, 0, 1) - 127) / 128
    data = relu6(net.conv(data, "_conv_stem", "_bn0", 2))
    number, filters = 0, []
    for repeats, stride in ((1, 1), (2, 2), (2, 2), (3, 2), (3, 1), (4, 2), (1, 1)):
        for repeat in range(repeats):
            at, before = f"_blocks.{number}", data
            if f"{at}._expand_conv.weight" in weights:
                data = relu6(net.conv(data, f"{at}._expand_conv", f"{at}._bn0", 1))
            step = stride if repeat == 0 else 1
            data = relu6(net.conv(data, f"{at}._depthwise_conv", f"{at}._bn1", step))
            filters.append(data)
            data = net.conv(data, f"{at}._project_conv", f"{at}._bn2", 1)
            if step == 1 and before.shape == data.shape:
                data = data + before
            number += 1
    means = relu6(net.conv(data, "_conv_head", "_bn1", 1)).mean(axis=(1, 2))
    maxima = [data.max(axis=(1, 2)) / 10 for data in filters if data.shape[1:] == (7, 7)]
    return np.concatenate([means, *maxima])


def mobilenet_features(weights, picture):
    """MobileNetV2; ``picture`` is RGB, 0 to 255, of shape (rows, columns, 3)."""
    net = Plain(weights, 1e-5, tensorflow=False)
    unit = picture.astype(np.float64) / 255
    unit = (unit - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    data = relu6(net.conv(unit.transpose(2, 0, 1), "features.0.0", "features.0.1", 2))
    number = 1
    for repeats, stride in ((1, 1), (2, 2), (3, 2), (4, 2), (3, 1), (3, 2), (1, 1)):
        for repeat in range(repeats):
            before, at, step = data, f"features.{number}.conv", stride if repeat == 0 else 1
            if number == 1:
                data = relu6(net.conv(data, f"{at}.0", f"{at}.1", step))
                data = net.conv(data, f"{at}.3", f"{at}.4", 1)
            else:
                data = relu6(net.conv(data, f"{at}.0", f"{at}.1", 1))
                data = relu6(net.conv(data, f"{at}.3", f"{at}.4", step))
                data = net.conv(data, f"{at}.6", f"{at}.7", 1)
            if step == 1 and before.shape == data.shape:
                data = data + before
            number += 1
    return relu6(net.conv(data, "features.18.0", "features.18.1", 1)).mean(axis=(1, 2))


def relu6(data):
    return np.minimum(np.maximum(data, 0), 6)


class Plain:
    def __init__(self, weights, epsilon, *, tensorflow):
        self.weights, self.epsilon, self.tensorflow = weights, epsilon, tensorflow

    def conv(self, data, conv, norm, stride):
        kernels = self.weights[f"{conv}.weight"].astype(np.float64)
        size = kernels.shape[-1]
        windows = np.lib.stride_tricks.sliding_window_view(
            self.padded(data, size, stride), (size, size), axis=(1, 2)
        )[:, ::stride, ::stride]
        if kernels.shape[1] == 1 and len(data) > 1:
            sums = np.einsum("crxij,cij->crx", windows, kernels[:, 0])
        else:
            taken = windows.transpose(1, 2, 0, 3, 4).reshape(*windows.shape[1:3], -1)
            sums = (taken @ kernels.reshape(len(kernels), -1).T).transpose(2, 0, 1)
        return self.norm(sums, norm)

    def padded(self, data, size, stride):
        if not self.tensorflow:
            edge = (size - 1) // 2
            return np.pad(data, ((0, 0), (edge, edge), (edge, edge)))
        edges = []
        for length in data.shape[1:]:
            if length % stride == 0:
                total = max(size - stride, 0)
            else:
                total = max(size - length % stride, 0)
            edges.append((total // 2, total - total // 2))
        return np.pad(data, ((0, 0), *edges))

    def norm(self, data, name):
        gamma, beta, mean, variance = (
            self.weights[f"{name}.{part}"].astype(np.float64)[:, None, None]
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        return (data - mean) / np.sqrt(variance + self.epsilon) * gamma + beta
