/** A few options of which one is chosen. */

import styles from './choice.module.css'

export function Choice<Option extends string | number>({
  label,
  options,
  chosen,
  words,
  onChoose,
}: {
  label: string
  options: readonly Option[]
  chosen: Option
  words: (option: Option) => string
  onChoose: (option: Option) => void
}) {
  return (
    <div className={styles.choice} role="group" aria-label={label}>
      {options.map((option) => (
        <button
          key={option}
          type="button"
          aria-pressed={option === chosen}
          onClick={() => {
            onChoose(option)
          }}
        >
          {words(option)}
        </button>
      ))}
    </div>
  )
}
