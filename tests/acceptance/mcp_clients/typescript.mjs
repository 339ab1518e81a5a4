// Uses a muxi server by the TypeScript SDK and prints what it saw, as JSON.
// Arguments: the SDK's folder, `legacy` or `auto`, and a URL with a token, or a command.
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';

const [folder, mode, kind, ...rest] = process.argv.slice(2);
const load = (file) => import(pathToFileURL(join(folder, 'dist', file)).href);
const { Client, StreamableHTTPClientTransport } = await load('index.mjs');

let transport;
if (kind === 'http') {
  const [url, token] = rest;
  const headers = { Authorization: `Bearer ${token}` };
  transport = new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } });
} else {
  const { StdioClientTransport } = await load('stdio.mjs');
  transport = new StdioClientTransport({ command: rest[0], args: rest.slice(1), env: process.env });
}

const client = new Client(
  { name: 'interop', version: '1.0.0' },
  { capabilities: { elicitation: { form: {} } }, versionNegotiation: { mode } },
);
const asked = [];
client.setRequestHandler('elicitation/create', async (request) => {
  asked.push(request.params.message);
  return { action: 'accept', content: { decision: 'approve' } };
});
await client.connect(transport);
const progress = [];
const told = { onprogress: (each) => progress.push(each.message) };
const { tools } = await client.listTools();
const answer = await client.callTool(
  { name: 'ask_assistant', arguments: { input: 'hello' } },
  told,
);
const careful = await client.callTool({
  name: 'ask_careful',
  arguments: { input: 'calculate' },
});
const wrong = await client.callTool({ name: 'ask_assistant', arguments: { words: 'hello' } });
const { contents } = await client.readResource({
  uri: `muxi://threads/${answer.structuredContent.thread_id}`,
});
const { prompts } = await client.listPrompts();
console.log(
  JSON.stringify({
    tools: tools.map((each) => each.name),
    answer: answer.structuredContent,
    progress: progress.join(''),
    careful: careful.structuredContent,
    asked,
    wrong: wrong.isError,
    thread: contents[0].text,
    prompts: prompts.map((each) => each.name),
  }),
);
await client.close();
