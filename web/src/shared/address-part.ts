/**
 * A part of the address that is shown, exactly as it was put there.
 * The router's own reading cannot tell `%2F` from `/`, nor a `%` from the beginning of a code.
 */
export function addressPart(index: number): string {
  const part = window.location.pathname.split('/')[index + 1] ?? ''
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}
