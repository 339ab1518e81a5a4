// What the official OpenAI client for Node.js makes of a muxi server; printed as JSON.
// Arguments: the folder with node_modules, the server's URL, a token.

import { pathToFileURL } from "node:url";
import { join } from "node:path";

const [home, url, token] = process.argv.slice(2);
const entry = join(home, "node_modules", "openai", "index.mjs");
const { default: OpenAI, toFile, NotFoundError } = await import(pathToFileURL(entry));

const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: token, maxRetries: 0 });
const ask = [{ role: "user", content: "How is the weather in Oslo?" }];
const parameters = {
  type: "object",
  properties: { city: { type: "string" } },
  required: ["city"],
  additionalProperties: false,
};
const weather = { name: "weather", description: "The weather", parameters, strict: true };
const shape = {
  type: "object",
  properties: { city: { type: "string" }, degrees: { type: "integer" } },
  required: ["city", "degrees"],
  additionalProperties: false,
};
const seen = {};

seen.models = [];
for await (const model of client.models.list()) seen.models.push(model.id);

const whole = await client.chat.completions.create({ model: "plain", messages: ask });
seen.chat = whole.choices[0].message.content;

seen.streamed = "";
const stream = await client.chat.completions.create({
  model: "plain",
  messages: ask,
  stream: true,
  stream_options: { include_usage: true },
});
for await (const chunk of stream) {
  seen.streamed += chunk.choices[0]?.delta.content ?? "";
  seen.usage = chunk.usage?.total_tokens ?? seen.usage;
}

const called = [];
const runner = client.chat.completions.runTools({
  model: "caller",
  messages: ask,
  tools: [
    {
      type: "function",
      function: {
        ...weather,
        parse: JSON.parse,
        function: ({ city }) => {
          called.push(city);
          return `cold in ${city}`;
        },
      },
    },
  ],
});
seen.tools = await runner.finalContent();
seen.called = called;

const parsed = await client.chat.completions.parse({
  model: "shaped",
  messages: ask,
  response_format: { type: "json_schema", json_schema: { name: "f", schema: shape, strict: true } },
});
seen.parsed = JSON.parse(parsed.choices[0].message.content);

const first = await client.responses.create({ model: "plain", input: "Hello" });
const second = await client.responses.create({
  model: "plain",
  input: "And again",
  previous_response_id: first.id,
});
seen.chained = [first.output_text, second.output_text, second.previous_response_id === first.id];
const stored = await client.responses.retrieve(second.id);
seen.stored = JSON.stringify(stored.output) === JSON.stringify(second.output);

const events = client.responses.stream({
  model: "caller",
  input: "Oslo?",
  tools: [{ type: "function", ...weather }],
});
seen.events = [];
for await (const event of events) seen.events.push(event.type);
const asked = await events.finalResponse();
const call = asked.output.find((item) => item.type === "function_call");
const done = await client.responses.create({
  model: "caller",
  previous_response_id: asked.id,
  input: [{ type: "function_call_output", call_id: call.call_id, output: "warm" }],
});
seen.answered = done.output_text;

const formed = await client.responses.parse({
  model: "shaped",
  input: "Oslo?",
  text: { format: { type: "json_schema", name: "f", schema: shape, strict: true } },
});
seen.formed = JSON.parse(formed.output_text);

const background = await client.responses.create({
  model: "plain",
  input: "Hello",
  background: true,
});
const rest = await client.responses.retrieve(background.id, { stream: true });
for await (const event of rest) seen.background = event.response?.status ?? seen.background;

const file = await client.files.create({
  file: await toFile(Buffer.from("Parrots are green."), "parrots.txt"),
  purpose: "user_data",
});
const read = await client.responses.create({
  model: "plain",
  input: [
    {
      role: "user",
      content: [
        { type: "input_text", text: "Read this" },
        { type: "input_file", file_id: file.id },
      ],
    },
  ],
});
seen.file = read.output_text;

await client.responses.delete(first.id);
try {
  await client.responses.retrieve(first.id);
} catch (error) {
  seen.deleted = error instanceof NotFoundError;
}

console.log(JSON.stringify(seen));
