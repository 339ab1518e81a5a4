/** A few options of which any number is chosen. */

import styles from './picks.module.css'

export function Picks({
  label,
  options,
  chosen,
  onChange,
}: {
  label: string
  options: readonly string[]
  chosen: readonly string[]
  onChange: (chosen: string[]) => void
}) {
  const all = [...new Set([...options, ...chosen])]
  return (
    <fieldset className={styles.picks}>
      <legend>{label}</legend>
      {all.length === 0 && <span>none</span>}
      {all.map((option) => (
        <label key={option}>
          <input
            type="checkbox"
            checked={chosen.includes(option)}
            onChange={(event) => {
              const others = chosen.filter((each) => each !== option)
              onChange(event.target.checked ? [...others, option] : others)
            }}
          />
          {option}
        </label>
      ))}
    </fieldset>
  )
}
