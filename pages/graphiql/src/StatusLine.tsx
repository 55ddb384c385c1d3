/** The line below the response: how the last operation of this tab went, or that it is live. */
import { useGraphiQL } from '@graphiql/react';
import { useEffect, useSyncExternalStore } from 'react';
import { getStatus, onStatus, setStatus, type Status } from './status';

function count(messages: number): string {
  return `${messages} ${messages === 1 ? 'message' : 'messages'}`;
}

function words(status: Status): string {
  switch (status.state) {
    case 'idle':
      return '';
    case 'waiting':
      return 'Waiting for the answer…';
    case 'answered':
      return `Answered ${status.code} in ${status.milliseconds.toFixed(0)} ms`;
    case 'live':
      return status.messages ? `Live: ${count(status.messages)}, the last one shown` : 'Live: waiting for the first message';
    case 'reconnecting':
      return `Connection lost, trying again… (${count(status.messages)} so far)`;
    case 'ended':
      return `Ended after ${count(status.messages)}`;
    case 'failed':
      return 'Failed';
  }
}

export function StatusLine() {
  const status = useSyncExternalStore(onStatus, getStatus);
  const tab = useGraphiQL((state) => state.tabs[state.activeTabIndex]?.id);
  const title = useGraphiQL((state) => state.tabs[state.activeTabIndex]?.title);

  useEffect(() => setStatus({ state: 'idle' }), [tab]);

  // GraphiQL opens a new tab at the end of the row, which may be out of sight, and names it a moment later.
  useEffect(() => {
    document.querySelector('.graphiql-tab-active')?.scrollIntoView({ inline: 'nearest', block: 'nearest' });
  }, [tab, title]);

  return (
    <div className="status" data-state={status.state}>
      {words(status)}
    </div>
  );
}
