// Sends a file by the official tus client until it has come; printed as JSON is what it asked.
// Arguments: the folder with node_modules, the endpoint, a token, the file, bytes of a piece or 0.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const [home, endpoint, token, file, piece] = process.argv.slice(2);
const tus = createRequire(join(home, "package.json"))("tus-js-client");
const asked = [];

const upload = new tus.Upload(readFileSync(file), {
  endpoint,
  headers: { Authorization: `Bearer ${token}` },
  chunkSize: Number(piece) || Infinity,
  retryDelays: Array(300).fill(200),
  metadata: { filename: "a picture.bin", filetype: "application/octet-stream" },
  onAfterResponse(request, response) {
    const offset = Number(request.getHeader("Upload-Offset") ?? -1);
    asked.push([request.getMethod(), response.getStatus(), offset]);
  },
  onError(error) {
    console.error(`${error}`);
    process.exit(1);
  },
  onSuccess() {
    console.log(JSON.stringify({ url: upload.url, asked }));
  },
});
upload.start();
