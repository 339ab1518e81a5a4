/** The labelled fields of a form. */

export function Field({
  label,
  account,
  onChange,
  ...rest
}: {
  label: string
  /** Whose password it is, for keepers of passwords. */
  account?: string
  value: string
  onChange: (value: string) => void
  type?: 'text' | 'password' | 'number'
  required?: boolean
  disabled?: boolean
  /** Id of a list of what could be typed. */
  list?: string
  placeholder?: string
  step?: string
}) {
  return (
    <>
      {account !== undefined && <input hidden readOnly autoComplete="username" value={account} />}
      <label>
        {label}
        <input
          autoComplete={rest.type === 'password' ? 'new-password' : 'off'}
          {...rest}
          onChange={(event) => {
            onChange(event.target.value)
          }}
        />
      </label>
    </>
  )
}

/** A field whose value is one of a few. */
export function Select({
  label,
  options,
  words = (value) => value,
  onChange,
  ...rest
}: {
  label: string
  options: readonly string[]
  words?: (value: string) => string
  value: string
  onChange: (value: string) => void
  disabled?: boolean
}) {
  return (
    <label>
      {label}
      <select
        {...rest}
        onChange={(event) => {
          onChange(event.target.value)
        }}
      >
        {options.map((value) => (
          <option key={value} value={value}>
            {words(value)}
          </option>
        ))}
      </select>
    </label>
  )
}
