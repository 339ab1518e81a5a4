// Talks to a muxi server by the machinery of `useChat` and prints what its chats hold, as JSON.
// Arguments: the folder that the packages are installed in, a URL and a token.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [folder, url, token] = process.argv.slice(2);
const { resolve } = createRequire(join(folder, 'package.json'));
const load = (name) => import(pathToFileURL(resolve(name)).href);
const { Chat } = await load('@ai-sdk/react');
const {
  DefaultChatTransport,
  lastAssistantMessageIsCompleteWithApprovalResponses: approvalsAreIn,
  lastAssistantMessageIsCompleteWithToolCalls: resultsAreIn,
} = await load('ai');

const headers = { Authorization: `Bearer ${token}` };
const warned = [];
console.warn = (...words) => warned.push(words.join(' '));

function chat(id, { body, ...more } = {}) {
  const seen = { data: [], errors: [], finished: [] };
  const made = new Chat({
    id,
    transport: new DefaultChatTransport({ api: `${url}/api/chat`, headers, body }),
    onData: (part) => seen.data.push(part),
    onError: (error) => seen.errors.push(error.message),
    onFinish: ({ finishReason }) => seen.finished.push(finishReason),
    ...more,
  });
  return { chat: made, seen };
}

/** Returns when the chat is at rest and, if it is asked for, so many answers have ended. */
async function rest(one, answers = 1) {
  for (;;) {
    const { status } = one.chat;
    if (one.seen.errors.length) return;
    if (one.seen.finished.length >= answers && (status === 'ready' || status === 'error')) return;
    await new Promise((next) => setTimeout(next, 5));
  }
}

const text = (message) =>
  message.parts.filter((part) => part.type === 'text').map((part) => part.text).join('');
const shown = (one) => ({
  ...one.seen,
  status: one.chat.status,
  messages: one.chat.messages.map(({ id, role, parts, metadata }) => ({ id, role, parts, metadata })),
});

const scenarios = {
  async conversation() {
    const one = chat('conversation');
    await one.chat.sendMessage({ text: 'hello' });
    await one.chat.sendMessage({ text: 'weather' });
    return shown(one);
  },
  async reasoning() {
    const one = chat('reasoning');
    await one.chat.sendMessage({ text: 'think' });
    return shown(one);
  },
  async approval() {
    const one = chat('approval', { sendAutomaticallyWhen: approvalsAreIn });
    await one.chat.sendMessage({ text: 'pay' });
    const part = one.chat.lastMessage.parts.at(-1);
    const asked = structuredClone(part);
    await one.chat.addToolApprovalResponse({ id: part.approval.id, approved: true });
    await rest(one, 2);
    return { asked, ...shown(one) };
  },
  async denial() {
    const one = chat('denial', { sendAutomaticallyWhen: approvalsAreIn });
    await one.chat.sendMessage({ text: 'pay' });
    const { approval } = one.chat.lastMessage.parts.at(-1);
    await one.chat.addToolApprovalResponse({ id: approval.id, approved: false, reason: 'Too much' });
    await rest(one, 2);
    return shown(one);
  },
  async question() {
    const one = chat('question', { sendAutomaticallyWhen: resultsAreIn });
    await one.chat.sendMessage({ text: 'ask' });
    const call = one.chat.lastMessage.parts.find((part) => part.type === 'tool-ask_user');
    await one.chat.addToolOutput({ tool: 'ask_user', toolCallId: call.toolCallId, output: 'Rome' });
    await rest(one, 2);
    return shown(one);
  },
  async tools() {
    const tools = [{ name: 'locate', description: 'Where am I?', parameters: { type: 'object' } }];
    const one = chat('tools', {
      body: { tools },
      sendAutomaticallyWhen: resultsAreIn,
      onToolCall: ({ toolCall }) => {
        if (toolCall.toolName === 'locate') {
          const { toolCallId } = toolCall;
          void one.chat.addToolOutput({ tool: 'locate', toolCallId, output: { city: 'Oslo' } });
        }
      },
    });
    await one.chat.sendMessage({ text: 'where' });
    await rest(one, 2);
    return shown(one);
  },
  async regeneration() {
    const one = chat('regeneration');
    await one.chat.sendMessage({ text: 'one' });
    await one.chat.sendMessage({ text: 'two' });
    await one.chat.regenerate();
    const regenerated = one.chat.messages.map(text);
    await one.chat.sendMessage({ text: 'edited', messageId: one.chat.messages[0].id });
    return { regenerated, edited: one.chat.messages.map(text) };
  },
  async resumption() {
    const one = chat('resumption');
    const sending = one.chat.sendMessage({ text: 'slow' });
    while (!one.chat.lastMessage || one.chat.lastMessage.role !== 'assistant') {
      await new Promise((next) => setTimeout(next, 5));
    }
    const again = chat('resumption', { messages: one.chat.messages.slice(0, 1) });
    const resuming = again.chat.resumeStream();
    while (!again.chat.messages.some((message) => text(message).includes('begin'))) {
      await new Promise((next) => setTimeout(next, 5));
    }
    await chat('third').chat.sendMessage({ text: 'go' });
    await Promise.all([sending, resuming]);
    const late = chat('resumption');
    await late.chat.resumeStream();
    return {
      first: one.chat.messages.map(text),
      second: again.chat.messages.map(text),
      late: late.chat.messages.length,
      lateStatus: late.chat.status,
    };
  },
  async reload() {
    const answer = await fetch(`${url}/api/chat/approval`, { headers });
    const { messages } = await answer.json();
    const one = chat('approval', { messages });
    await one.chat.sendMessage({ text: 'hello' });
    return { messages, after: shown(one) };
  },
  async history() {
    const one = chat('history', {
      messages: [
        { id: 'a', role: 'user', parts: [{ type: 'text', text: 'before' }] },
        { id: 'b', role: 'assistant', parts: [{ type: 'text', text: 'I see' }] },
      ],
    });
    await one.chat.sendMessage({ text: 'hello' });
    return shown(one);
  },
  async files() {
    const one = chat('files');
    const file = { type: 'file', mediaType: 'image/png', url: 'data:image/png;base64,aGVsbG8=' };
    await one.chat.sendMessage({ text: 'look', files: [file] });
    return shown(one);
  },
  async failure() {
    const one = chat('failure');
    await one.chat.sendMessage({ text: 'fail' });
    return shown(one);
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
console.log(JSON.stringify({ ...seen, warned }));
