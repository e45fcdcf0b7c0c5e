// SPDX-License-Identifier: Apache-2.0
// Asks a server through the service's official JavaScript client, unmodified:
// node custom_vision_client.cjs ENDPOINT KEY PROJECT CLASSIFIER DETECTOR PICTURE URL
// Prints what each operation returned, as JSON; then the code and message of an error.
const fs = require("node:fs");
const path = require("node:path");
const { createRequire } = require("node:module");

// The packages lie where npm put them, which is not beside this file.
const packages = createRequire(path.join(process.cwd(), "package.json"));
const { ApiKeyCredentials } = packages("@azure/ms-rest-js");
const { PredictionAPIClient } = packages("@azure/cognitiveservices-customvision-prediction");

const [endpoint, key, project, classifier, detector, picture, url] = process.argv.slice(2);

async function main() {
  const credentials = new ApiKeyCredentials({ inHeader: { "Prediction-key": key } });
  const client = new PredictionAPIClient(credentials, endpoint);
  const data = fs.readFileSync(picture); // a Buffer, as in the quickstarts
  const answers = {
    classifyImage: await client.classifyImage(project, classifier, data),
    classifyImageWithNoStore: await client.classifyImageWithNoStore(project, classifier, data),
    classifyImageUrl: await client.classifyImageUrl(project, classifier, { url }),
    classifyImageUrlWithNoStore: await client.classifyImageUrlWithNoStore(project, classifier, { url }),
    detectImage: await client.detectImage(project, detector, data),
    detectImageWithNoStore: await client.detectImageWithNoStore(project, detector, data),
    detectImageUrl: await client.detectImageUrl(project, detector, { url }),
    detectImageUrlWithNoStore: await client.detectImageUrlWithNoStore(project, detector, { url }),
    stream: await client.classifyImage(project, classifier, () => fs.createReadStream(picture)),
  };
  const error = await client.classifyImage(project, "nothing", data).catch((caught) => caught);
  answers.error = { status: error.statusCode, code: error.code, body: error.body };
  console.log(JSON.stringify(answers));
}

main();
