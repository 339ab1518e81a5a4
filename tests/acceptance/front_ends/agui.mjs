// Talks to a muxi server by the AG-UI client and prints what its agents hold, as JSON.
// Arguments: the folder that the client is installed in, a URL and a token.
import { createRequire } from 'node:module';
import { join } from 'node:path';

const [folder, url, token] = process.argv.slice(2);
const { HttpAgent } = createRequire(join(folder, 'package.json'))('@ag-ui/client');

const warnings = [];
console.warn = (...words) => warnings.push(words.join(' '));
console.error = () => {};

const agent = (threadId, more = {}) =>
  new HttpAgent({ url: `${url}/agui`, headers: { Authorization: `Bearer ${token}` }, threadId, ...more });

let count = 0;
const say = (front, content) =>
  front.addMessage({ id: `said-${++count}`, role: 'user', content });

async function run(front, parameters = {}) {
  const types = [];
  let finished;
  let failed;
  await front.runAgent(parameters, {
    onEvent: ({ event }) => void types.push(event.type),
    onRunFinishedEvent: ({ event }) => void (finished = event),
    onRunErrorEvent: ({ event }) => void (failed = event),
  });
  return { types, finished, failed };
}

const told = (front) =>
  front.messages.map(({ role, content, toolCalls, error }) => ({ role, content, toolCalls, error }));

const scenarios = {
  async conversation() {
    const front = agent('conversation');
    say(front, 'hello');
    const first = await run(front);
    say(front, 'weather');
    const second = await run(front);
    return { first, second, messages: told(front) };
  },
  async reasoning() {
    const front = agent('reasoning');
    say(front, 'think');
    return { ...(await run(front)), messages: told(front) };
  },
  async approval() {
    const front = agent('approval');
    say(front, 'pay');
    const asked = await run(front);
    const pending = front.pendingInterrupts;
    const [interrupt] = pending;
    const answer = { approved: true, editedArgs: { amount: 3 } };
    const resume = [{ interruptId: interrupt.id, status: 'resolved', payload: answer }];
    const answered = await run(front, { resume });
    const again = await run(agent('approval', { initialMessages: front.messages }), { resume });
    return { asked, pending, answered, again, messages: told(front) };
  },
  async denial() {
    const front = agent('denial');
    say(front, 'pay');
    await run(front);
    const [interrupt] = front.pendingInterrupts;
    const answered = await run(front, {
      resume: [{ interruptId: interrupt.id, status: 'cancelled' }],
    });
    return { answered, messages: told(front) };
  },
  async question() {
    const front = agent('question');
    say(front, 'ask');
    await run(front);
    const [interrupt] = front.pendingInterrupts;
    const answered = await run(front, {
      resume: [{ interruptId: interrupt.id, status: 'resolved', payload: 'Rome' }],
    });
    return { interrupt, answered, messages: told(front) };
  },
  async tools() {
    const front = agent('tools');
    const tools = [
      { name: 'locate', description: 'Where am I?', parameters: { type: 'object', properties: {} } },
    ];
    say(front, 'where');
    const asked = await run(front, { tools });
    const [call] = front.messages.at(-1).toolCalls;
    front.addMessage({ id: 'result-1', role: 'tool', toolCallId: call.id, content: 'Oslo' });
    const answered = await run(front, { tools });
    return { asked, answered, messages: told(front) };
  },
  async second_window() {
    const first = agent('windows');
    say(first, 'one');
    await run(first);
    const second = agent('windows');
    say(second, 'two');
    await run(second);
    return { messages: told(second) };
  },
  async context() {
    const front = agent('context', {
      initialMessages: [
        { id: 'a', role: 'user', content: 'before' },
        { id: 'b', role: 'assistant', content: 'I see' },
      ],
    });
    say(front, 'instructions');
    await run(front, { context: [{ description: 'The page', value: 'checkout' }] });
    return { messages: told(front) };
  },
  async state() {
    const front = agent('state', { initialState: { done: 1, note: 'x', by: { name: '?' } } });
    say(front, 'steps');
    const { types } = await run(front);
    const second = agent('state');
    say(second, 'hello');
    await run(second);
    return { types, state: front.state, second: second.state };
  },
  async failure() {
    const front = agent('failure');
    say(front, 'fail');
    return await run(front);
  },
  async picture() {
    const front = agent('picture');
    say(front, [
      { type: 'text', text: 'look' },
      { type: 'image', source: { type: 'data', value: 'aGVsbG8=', mimeType: 'image/png' } },
    ]);
    await run(front);
    return { messages: told(front) };
  },
};

const seen = {};
for (const [name, play] of Object.entries(scenarios)) {
  try {
    seen[name] = await play();
  } catch (error) {
    seen[name] = { error: String(error.stack ?? error) };
  }
}
console.log(JSON.stringify({ ...seen, warnings }));
