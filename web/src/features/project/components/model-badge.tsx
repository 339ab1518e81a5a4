/** Which model answers, with an honest word when little can be expected of it. */

import { useId, useState } from 'react'

import { Icon } from '@/shared/ui/icon'

import { useStatus } from '../api/use-project'
import styles from './project.module.css'

const SMALL = 'Good for trying things out, not for real work.'
const BETTER = 'muxi models use anthropic/…'

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
        <SmallModelWords note={model.note ?? null} />
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
        <SmallModelWords note={model.note ?? null} />
      </span>
    </p>
  )
}

function SmallModelWords({ note }: { note: string | null }) {
  return (
    <>
      {note ?? SMALL} Add a better one: <code>{BETTER}</code>
    </>
  )
}
