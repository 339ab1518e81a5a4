"""The UI message stream of the AI SDK (https://ai-sdk.dev): what `useChat` sends and is told."""
