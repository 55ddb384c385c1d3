/** Has the editors follow the system from light to dark, as the page around them does: GraphiQL looks once. */
import { useGraphiQL, useGraphiQLActions } from '@graphiql/react';
import { useEffect } from 'react';

export function SystemTheme() {
  const theme = useGraphiQL((state) => state.theme);
  const { setTheme } = useGraphiQLActions();
  useEffect(() => {
    if (theme !== null) return; // light or dark was chosen
    const follow = () => setTheme(null);
    const dark = matchMedia('(prefers-color-scheme: dark)');
    dark.addEventListener('change', follow);
    return () => dark.removeEventListener('change', follow);
  }, [theme, setTheme]);
  return null;
}
