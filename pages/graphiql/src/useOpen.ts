import { useGraphiQL, useGraphiQLActions } from '@graphiql/react';

/** Returns a function that opens an operation in a new tab. */
export function useOpen(): (query: string, variables: string) => void {
  const { addTab, stop } = useGraphiQLActions();
  const queryEditor = useGraphiQL((state) => state.queryEditor);
  const variableEditor = useGraphiQL((state) => state.variableEditor);
  const headerEditor = useGraphiQL((state) => state.headerEditor);

  return (query, variables) => {
    const headers = headerEditor?.getValue() ?? ''; // of the current tab, so that a token is entered once
    stop(); // a running subscription would write into the new tab
    addTab();
    queryEditor?.setValue(query);
    variableEditor?.setValue(variables);
    headerEditor?.setValue(headers);
    queryEditor?.setScrollTop(0);
    queryEditor?.focus();
  };
}
