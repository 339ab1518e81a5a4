/** Which model answers, with an honest word when little can be expected of it. */

import { useId, useState } from 'react'

import { HintText } from '@/shared/ui/hint-text'
import { Icon } from '@/shared/ui/icon'

import { useStatus } from '../api/use-project'
import styles from './project.module.css'

const SMALL =
  'This model is small: good for trying things out. Add a better one: `muxi models use anthropic/…`'

export function ModelBadge() {
  const status = useStatus()
  const [open, setOpen] = useState(false)
  const panel = useId()
  const model = status.data?.model
  if (model === undefined) return null
  if (!model.small) {
    return (
      <span className={styles.badge} title={`Model: ${model.name}`}>
        <span className={styles.dot} />
        <span className={styles.modelName}>{model.name}</span>
      </span>
    )
  }
  return (
    <span className={styles.anchor}>
      <button
        type="button"
        className={styles.badge}
        data-small="true"
        aria-expanded={open}
        aria-controls={panel}
        onClick={() => {
          setOpen(!open)
        }}
        onBlur={() => {
          setOpen(false)
        }}
      >
        <span className={styles.dot} />
        <span className={styles.modelName}>{model.name}</span>
        <span className={styles.tag}>small</span>
      </button>
      <span id={panel} className={styles.panel} role="note" hidden={!open}>
        <HintText text={model.note ?? SMALL} />
      </span>
    </span>
  )
}

/** The same honest word, in full, where a new conversation begins. */
export function SmallModelNote() {
  const model = useStatus().data?.model
  if (model?.small !== true) return null
  return (
    <p className={styles.smallNote}>
      <Icon name="info" size={16} />
      <span>
        <HintText text={model.note ?? SMALL} />
      </span>
    </p>
  )
}
