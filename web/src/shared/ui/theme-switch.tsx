/** Light, dark, or as the system has it. `public/theme.js` applies the choice before first paint. */

import { useState } from 'react'

import { IconButton } from './button'

type Theme = 'system' | 'light' | 'dark'
const next: Record<Theme, Theme> = { system: 'light', light: 'dark', dark: 'system' }
const icons = { system: 'screen', light: 'sun', dark: 'moon' } as const
const KEY = 'muxi.theme'

export function ThemeSwitch() {
  const [theme, setTheme] = useState<Theme>(() => {
    const set = document.documentElement.dataset.theme
    return set === 'light' || set === 'dark' ? set : 'system'
  })
  const turn = (): void => {
    const chosen = next[theme]
    if (chosen === 'system') delete document.documentElement.dataset.theme
    else document.documentElement.dataset.theme = chosen
    try {
      localStorage.setItem(KEY, chosen)
    } catch {
      // Storage may be forbidden; the choice then lasts as long as the page.
    }
    setTheme(chosen)
  }
  return <IconButton icon={icons[theme]} label={`Theme: ${theme}`} onClick={turn} />
}
