"""The endpoint of the AI SDK: `useChat` talks to the project's agents."""
