import js from '@eslint/js';
import globals from 'globals';
import jsxA11y from 'eslint-plugin-jsx-a11y';
import reactHooks from 'eslint-plugin-react-hooks';
import tseslint from 'typescript-eslint';

export default tseslint.config(
  { ignores: ['dist', 'node_modules', 'src/api/generated'] },
  js.configs.recommended,
  ...tseslint.configs.strict,
  {
    files: ['src/**/*.{ts,tsx}'],
    plugins: { 'react-hooks': reactHooks, 'jsx-a11y': jsxA11y },
    languageOptions: { globals: globals.browser },
    rules: {
      'react-hooks/rules-of-hooks': 'error',
      'react-hooks/exhaustive-deps': 'error',
      ...jsxA11y.flatConfigs.recommended.rules,
    },
  },
  {
    // The shell, the catalog table and the API client load before anything else: what they
    // import, every visitor downloads. Heavy viewers belong behind a lazy route.
    files: ['src/app/**', 'src/kit/**', 'src/api/**', 'src/pages/catalog/**'],
    ignores: ['**/*.test.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        { patterns: [{ group: ['@mantine/*', '@rjsf/*'], message: 'Too heavy for eager code.' }] },
      ],
    },
  },
  { files: ['scripts/**', 'dev/**', '*.config.*'], languageOptions: { globals: globals.node } },
);
