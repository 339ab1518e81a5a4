import { expect, test } from 'vitest'

import type { ToolVersion } from '@/shared/api/types'

import { argumentsOf, effects } from './tool-words'

function version(changes: Partial<ToolVersion>): ToolVersion {
  return {
    name: 't',
    version: '1.0.0',
    entry: 't',
    source: 'project',
    origin: 'here',
    description: '',
    parameters: {},
    annotations: {},
    examples: [],
    approval: false,
    digest: '',
    tokens: 0,
    ...changes,
  }
}

test('what a call does is told only where it is known', () => {
  expect(effects(version({}))).toEqual([])
  expect(effects(version({ annotations: { read_only: true, destructive: true } }))).toEqual([
    'Changes nothing',
  ])
  expect(
    effects(version({ annotations: { read_only: false, open_world: true }, approval: true })),
  ).toEqual(['Makes changes', 'Reaches outside of the project', 'Asks for approval'])
})

test('arguments are read of any schema', () => {
  const parameters = {
    properties: {
      city: { type: 'string', description: 'Where.' },
      unit: { enum: ['C', 'F'] },
      day: { anyOf: [{ type: 'string' }, { type: 'null' }] },
      odd: true,
    },
    required: ['city'],
  }
  expect(argumentsOf(version({ parameters }))).toEqual([
    { name: 'city', type: 'string', needed: true, meaning: 'Where.' },
    { name: 'unit', type: '"C" | "F"', needed: false, meaning: '' },
    { name: 'day', type: 'string | null', needed: false, meaning: '' },
    { name: 'odd', type: 'any', needed: false, meaning: '' },
  ])
  expect(argumentsOf(version({ parameters: { properties: null } }))).toEqual([])
})
