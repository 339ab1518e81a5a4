import { type RefObject, useCallback, useEffect, useRef, useState } from 'react'

/** A reader this close to the end wants to see what comes. */
const NEAR_PX = 80

interface StickToBottom {
  frame: RefObject<HTMLDivElement | null>
  content: RefObject<HTMLDivElement | null>
  atBottom: boolean
  toBottom: () => void
}

export function useStickToBottom(): StickToBottom {
  const frame = useRef<HTMLDivElement>(null)
  const content = useRef<HTMLDivElement>(null)
  const sticking = useRef(true)
  const [atBottom, setAtBottom] = useState(true)

  useEffect(() => {
    const box = frame.current
    if (box === null || content.current === null) return
    const onScroll = (): void => {
      sticking.current = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_PX
      setAtBottom(sticking.current)
    }
    const observer = new ResizeObserver(() => {
      if (sticking.current) box.scrollTop = box.scrollHeight
    })
    observer.observe(content.current)
    observer.observe(box)
    box.addEventListener('scroll', onScroll, { passive: true })
    return () => {
      observer.disconnect()
      box.removeEventListener('scroll', onScroll)
    }
  }, [])

  const toBottom = useCallback(() => {
    sticking.current = true
    frame.current?.scrollTo({ top: frame.current.scrollHeight, behavior: 'smooth' })
  }, [])
  return { frame, content, atBottom, toBottom }
}
