import { createTypeScriptImportResolver } from 'eslint-import-resolver-typescript'
import { importX } from 'eslint-plugin-import-x'
import jsxA11y from 'eslint-plugin-jsx-a11y'
import reactHooks from 'eslint-plugin-react-hooks'
import { readdirSync } from 'node:fs'
import tseslint from 'typescript-eslint'

const features = readdirSync(new URL('src/features', import.meta.url))

const zones = [
  { target: './src/shared', from: ['./src/features', './src/app'] },
  { target: './src/features', from: './src/app' },
  ...features.map((name) => ({
    target: `./src/features/${name}`,
    from: './src/features',
    except: [`./${name}`],
    message:
      'Features do not know each other: what two of them need belongs to shared, what joins them to app.',
  })),
]

/** File and folder names are kebab-case, so that imports look the same on every file system. */
const kebabCase = {
  create: (context) => ({
    Program(node) {
      const name = context.filename.split('/').at(-1)
      if (!/^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z]+)+$/.test(name)) {
        context.report({ node, message: `${name} is not kebab-case.` })
      }
    },
  }),
}

export default tseslint.config(
  { ignores: ['node_modules', 'src/shared/api/schema.ts'] },
  {
    files: ['src/**/*.{ts,tsx}'],
    extends: [
      ...tseslint.configs.strictTypeChecked,
      importX.flatConfigs.typescript,
      jsxA11y.flatConfigs.strict,
    ],
    plugins: {
      'import-x': importX,
      'react-hooks': reactHooks,
      muxi: { rules: { 'kebab-case': kebabCase } },
    },
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    settings: { 'import-x/resolver-next': [createTypeScriptImportResolver()] },
    rules: {
      ...reactHooks.configs['recommended-latest'].rules,
      'muxi/kebab-case': 'error',
      'max-lines': ['error', { max: 250 }],
      complexity: ['error', { max: 12, variant: 'modified' }],
      'import-x/no-cycle': 'error',
      'import-x/no-restricted-paths': ['error', { zones }],
      'no-restricted-syntax': [
        'error',
        {
          selector: 'JSXAttribute[name.name="dangerouslySetInnerHTML"]',
          message: 'What models and people write is rendered as elements, never as HTML.',
        },
      ],
      '@typescript-eslint/no-unused-vars': ['error', { varsIgnorePattern: '^_$' }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
    },
  },
)
