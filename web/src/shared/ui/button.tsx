import type { ComponentProps } from 'react'

import styles from './button.module.css'
import { Icon, type IconName } from './icon'

/** `grave` leads to a question, and `danger` answers it. */
type Look = 'plain' | 'primary' | 'quiet' | 'grave' | 'danger'

export function Button({ look = 'plain', ...rest }: ComponentProps<'button'> & { look?: Look }) {
  return <button type="button" {...rest} className={`${styles.button} ${styles[look]}`} />
}

/** A button that shows only an icon; its label is read aloud and appears on hover. */
export function IconButton({
  icon,
  label,
  size,
  ...rest
}: ComponentProps<'button'> & { icon: IconName; label: string; size?: number }) {
  return (
    <button type="button" aria-label={label} title={label} {...rest} className={styles.icon}>
      <Icon name={icon} {...(size !== undefined && { size })} />
    </button>
  )
}
