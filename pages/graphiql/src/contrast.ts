/** Colors of the editors' themes with a contrast of at least 4.5: GraphiQL's have 3.6 for dark comments, 4.1 for light numbers. */
import { editor } from 'monaco-graphql/esm/monaco-editor.js';

const READABLE: Record<string, { token: string; foreground: string }> = {
  vs: { token: 'number', foreground: '#07704a' },
  'vs-dark': { token: 'comment', foreground: '#7fa86d' },
};

const { defineTheme } = editor;

/** GraphiQL defines its two themes when it starts, and has no option to change a color. */
editor.defineTheme = (name, theme) => {
  const rule = READABLE[theme.base];
  defineTheme(name, rule ? { ...theme, rules: [...theme.rules, rule] } : theme);
};
