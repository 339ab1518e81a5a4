// Reads one answer with the TypeScript client, over whatever connections it takes.
// Run by Node.js: node ts_reader.ts LIVE_TS URL TOKEN
const [client, baseUrl, token] = process.argv.slice(2)
const { Live } = await import(client)

let connections = 0
const live = new Live({
  baseUrl,
  token,
  onConnection: (connected) => (connections += connected ? 1 : 0),
  sleep: () => new Promise((resolve) => setTimeout(resolve, 1)),
})
const run = await live.send({ input: 'Talk' })
const events = []
await new Promise((resolve, reject) => {
  live.subscribe(run.thread_id, {
    onProblem: reject,
    onEvent: (event) => {
      events.push(event)
      if (event.type === 'run.completed') resolve()
    },
  })
})
live.close()
console.log(JSON.stringify({ run: run.id, events, connections }))
