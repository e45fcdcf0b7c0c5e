// SPDX-License-Identifier: Apache-2.0
// Runs a TensorFlow.js graph model on its pure JavaScript backend:
// node graph_model.cjs MODEL_FOLDER INPUT OUTPUT BATCH ROWS COLUMNS CHANNELS
// Input and output are files of raw float32.
const fs = require("node:fs");
const path = require("node:path");
const { createRequire } = require("node:module");

// The packages lie where npm put them, which is not beside this file.
const packages = createRequire(path.join(process.cwd(), "package.json"));
const tf = packages("@tensorflow/tfjs-core");
packages("@tensorflow/tfjs-backend-cpu");
const { loadGraphModel } = packages("@tensorflow/tfjs-converter");

const [folder, input, output, ...shape] = process.argv.slice(2);
const bytes = (file) => Uint8Array.from(fs.readFileSync(file)).buffer;

async function main() {
  const document = JSON.parse(fs.readFileSync(path.join(folder, "model.json"), "utf-8"));
  const [group] = document.weightsManifest;
  const [shard] = group.paths;
  const artifacts = {
    modelTopology: document.modelTopology,
    weightSpecs: group.weights,
    weightData: bytes(path.join(folder, shard)),
  };
  const model = await loadGraphModel({ load: async () => artifacts });
  const pictures = tf.tensor(new Float32Array(bytes(input)), shape.map(Number));
  const answer = model.predict(pictures);
  fs.writeFileSync(output, new Uint8Array((await answer.data()).buffer));
}

main();
