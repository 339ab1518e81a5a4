import jsxA11y from 'eslint-plugin-jsx-a11y'
import reactHooks from 'eslint-plugin-react-hooks'
import tseslint from 'typescript-eslint'

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
    files: ['{src,client/src}/**/*.{ts,tsx}'],
    extends: [...tseslint.configs.strictTypeChecked, jsxA11y.flatConfigs.strict],
    plugins: {
      'react-hooks': reactHooks,
      muxi: { rules: { 'kebab-case': kebabCase } },
    },
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      ...reactHooks.configs['recommended-latest'].rules,
      'muxi/kebab-case': 'error',
      'max-lines': ['error', { max: 250 }],
      complexity: ['error', { max: 12, variant: 'modified' }],
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
