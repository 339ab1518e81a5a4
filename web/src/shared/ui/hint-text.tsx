/** The server's words for people, in which commands stand between backticks. */
export function HintText({ text }: { text: string }) {
  return text
    .split('`')
    .map((piece, index) => (index % 2 === 1 ? <code key={index}>{piece}</code> : piece))
}
