/** Switches the editors between light and dark with the system: GraphiQL reads the system's theme only once. */
import { useGraphiQL, useGraphiQLActions } from '@graphiql/react';
import { useEffect } from 'react';

export function SystemTheme() {
  const theme = useGraphiQL((state) => state.theme);
  const { setTheme } = useGraphiQLActions();
  useEffect(() => {
    if (theme !== null) return; // the user has chosen a theme
    const follow = () => setTheme(null);
    const dark = matchMedia('(prefers-color-scheme: dark)');
    dark.addEventListener('change', follow);
    return () => dark.removeEventListener('change', follow);
  }, [theme, setTheme]);
  return null;
}
