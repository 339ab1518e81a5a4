/** A labelled field of a form. */

export function Field({
  label,
  onChange,
  ...rest
}: {
  label: string
  value: string
  onChange: (value: string) => void
  type?: 'text' | 'password' | 'number'
  required?: boolean
  disabled?: boolean
  /** Id of a list of what could be typed. */
  list?: string
  placeholder?: string
}) {
  return (
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
  )
}
