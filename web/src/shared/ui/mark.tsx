/** The mark of muxi: the four petals of osmanthus, whose Chinese name, mùxī, sounds alike. */

export function Mark({ size = 24, breathing = false }: { size?: number; breathing?: boolean }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 32 32"
      aria-hidden="true"
      className={breathing ? 'mark breathing' : 'mark'}
    >
      <g className="petals">
        <ellipse cx="16" cy="8.6" rx="5.2" ry="6.4" />
        <ellipse cx="16" cy="23.4" rx="5.2" ry="6.4" />
        <ellipse cx="8.6" cy="16" rx="6.4" ry="5.2" />
        <ellipse cx="23.4" cy="16" rx="6.4" ry="5.2" />
      </g>
      <circle className="heart" cx="16" cy="16" r="3.4" />
    </svg>
  )
}
