/**
 * The row of tabs as a list of buttons, and the active tab in view.
 *
 * GraphiQL marks each list item as a tab, with two buttons in it: the tab itself and its close button. A tab must not contain
 * buttons, and GraphiQL's have no arrow keys. As a list, screen readers read both buttons and the current one.
 */
import { useGraphiQL } from '@graphiql/react';
import { useLayoutEffect } from 'react';

export function TabList() {
  const tabs = useGraphiQL((state) => state.tabs);
  const active = useGraphiQL((state) => state.activeTabIndex);

  useLayoutEffect(() => {
    document.querySelector('.graphiql-tabs')?.setAttribute('role', 'list');
    document.querySelector('#graphiql-session')?.setAttribute('role', 'group');
    for (const item of document.querySelectorAll('.graphiql-tab')) {
      item.setAttribute('role', 'listitem');
      item.removeAttribute('aria-selected');
      const isActive = item.classList.contains('graphiql-tab-active');
      item.querySelector('.graphiql-tab-button')?.setAttribute('aria-current', `${isActive}`);
    }
  }, [tabs, active]);

  // GraphiQL opens new tabs at the end of the row, possibly out of view, and names them later.
  const tab = tabs[active];
  useLayoutEffect(() => {
    document.querySelector('.graphiql-tab-active')?.scrollIntoView({ inline: 'nearest', block: 'nearest' });
  }, [tab?.id, tab?.title]);

  return null;
}
