// A page with a chat, as one writes it with `useChat`: bundled by the test and shown in a browser.
// Its address says in the fragment which chat it shows, and with which credentials.
import { useChat } from '@ai-sdk/react';
import {
  DefaultChatTransport,
  getToolName,
  isToolUIPart,
  lastAssistantMessageIsCompleteWithApprovalResponses as approvalsAreIn,
  lastAssistantMessageIsCompleteWithToolCalls as resultsAreIn,
} from 'ai';
import { StrictMode, useMemo, useState } from 'react';
import { createRoot } from 'react-dom/client';

const { id, token } = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
const headers = { Authorization: `Bearer ${token}` };
const tools = [{ name: 'locate', description: 'Where am I?', parameters: { type: 'object' } }];

function Call({ part, approve }) {
  const asked = part.state === 'approval-requested';
  return (
    <div className="call">
      <code>{`${getToolName(part)} ${part.state} ${JSON.stringify(part.output) ?? ''}`}</code>
      {asked && <button onClick={() => approve(part.approval.id, true)}>Approve</button>}
      {asked && <button onClick={() => approve(part.approval.id, false)}>Deny</button>}
    </div>
  );
}

function Chat({ before }) {
  const [text, setText] = useState('');
  const transport = useMemo(
    () => new DefaultChatTransport({ api: '/api/chat', headers, body: { tools } }),
    [],
  );
  const chat = useChat({
    id,
    messages: before,
    resume: true,
    transport,
    sendAutomaticallyWhen: (options) => approvalsAreIn(options) || resultsAreIn(options),
    onToolCall: ({ toolCall }) => {
      if (toolCall.toolName === 'locate') {
        const { toolCallId } = toolCall;
        void chat.addToolOutput({ tool: 'locate', toolCallId, output: { city: 'Oslo' } });
      }
    },
  });
  const approve = (asked, approved) =>
    void chat.addToolApprovalResponse({ id: asked, approved, reason: approved ? undefined : 'No' });
  const say = (event) => {
    event.preventDefault();
    void chat.sendMessage({ text });
    setText('');
  };
  return (
    <main>
      {chat.messages.map((message) => (
        <article key={message.id} aria-label={message.role}>
          {message.parts.map((part, at) => {
            if (part.type === 'text') return <p key={at}>{part.text}</p>;
            return isToolUIPart(part) && <Call key={at} part={part} approve={approve} />;
          })}
        </article>
      ))}
      <form onSubmit={say}>
        <input aria-label="Say" value={text} onChange={(event) => setText(event.target.value)} />
      </form>
      <output>{chat.error ? `error: ${chat.error.message}` : chat.status}</output>
    </main>
  );
}

const { messages } = await (await fetch(`/api/chat/${id}`, { headers })).json();
createRoot(document.getElementById('root')).render(
  <StrictMode>
    <Chat before={messages} />
  </StrictMode>,
);
