/** The page's icons: strokes on a 20 px grid, in the colour of the text around them. */

const paths = {
  plus: 'M10 4v12M4 10h12',
  search: 'M9 14.5a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11ZM13 13l3.5 3.5',
  send: 'M10 16V4.5M5 9l5-5 5 5',
  stop: 'M6 6h8v8H6z',
  menu: 'M3.5 6h13M3.5 10h13M3.5 14h13',
  close: 'M5 5l10 10M15 5 5 15',
  pencil: 'M4 16l.8-3.4 8.4-8.4a1.7 1.7 0 0 1 2.4 2.4l-8.4 8.4L4 16Z',
  trash: 'M4 6h12M8 6V4h4v2M5.5 6l.7 10h7.6l.7-10M8.5 9v4.5M11.5 9v4.5',
  copy: 'M7.5 7.5h8v8h-8zM4.5 12.5v-8h8',
  check: 'M4.5 10.5l3.5 3.5 7.5-8',
  chevron: 'M5.5 8l4.5 4.5L14.5 8',
  tool: 'M12.9 3.4a4 4 0 0 0-4.6 5.4l-4.9 4.9a1.6 1.6 0 0 0 2.3 2.3l4.9-4.9a4 4 0 0 0 5.4-4.6l-2.4 2.4-2.3-.6-.6-2.3 2.2-2.6Z',
  alert: 'M10 3.5 17.5 16h-15L10 3.5ZM10 8.5v3.5M10 14.2v.1',
  info: 'M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14ZM10 9v4.5M10 6.5v.1',
  hand: 'M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14ZM8 7.5v5M12 7.5v5',
  thought: 'M10 3.5a5 5 0 0 0-3 9v2h6v-2a5 5 0 0 0-3-9ZM8 17h4',
  sun: 'M10 13.2a3.2 3.2 0 1 0 0-6.4 3.2 3.2 0 0 0 0 6.4ZM10 2.5v1.7M10 15.8v1.7M2.5 10h1.7M15.8 10h1.7M4.7 4.7l1.2 1.2M14.1 14.1l1.2 1.2M15.3 4.7l-1.2 1.2M5.9 14.1l-1.2 1.2',
  moon: 'M16 11.8A6.5 6.5 0 1 1 8.2 4a5.2 5.2 0 0 0 7.8 7.8Z',
  screen: 'M3.5 4.5h13v9h-13zM7.5 16.5h5M10 13.5v3',
  down: 'M10 4v11.5M5 11l5 5 5-5',
  people:
    'M7.5 9.5a2.75 2.75 0 1 0 0-5.5 2.75 2.75 0 0 0 0 5.5ZM2.5 16c0-2.8 2.2-4.5 5-4.5s5 1.7 5 4.5M12.5 4.3a2.6 2.6 0 0 1 0 5M14.5 12c1.8.6 3 2 3 4',
  server: 'M4 4.5h12v4.5H4zM4 11h12v4.5H4zM6.8 6.7v.1M6.8 13.2v.1',
  chart: 'M4 16.5h12M5.5 13.5v-4M10 13.5v-9M14.5 13.5v-6.5',
  key: 'M7 13a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM10 10h7M14 10v3M17 10v2',
  file: 'M5.5 3.5h6l3 3v10h-9zM11.5 3.5v3h3',
} as const

export type IconName = keyof typeof paths

export function Icon({ name, size = 18 }: { name: IconName; size?: number }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 20 20"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.6"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      <path d={paths[name]} />
    </svg>
  )
}
