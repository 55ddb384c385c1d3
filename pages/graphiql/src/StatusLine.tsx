/** The line below the response: the state of this tab's last operation. */
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
      return 'Waiting for the response…';
    case 'answered':
      return `Status ${status.code} in ${status.milliseconds.toFixed(0)} ms`;
    case 'live':
      return status.messages ? `Live: ${count(status.messages)}, showing the last one` : 'Live: waiting for the first message';
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
  const response = useGraphiQL((state) => state.tabs[state.activeTabIndex]?.response);

  useEffect(() => setStatus({ state: 'idle' }), [tab]);

  return (
    <>
      {status.state === 'idle' && !response && <p className="hint">The response appears here. Ctrl-Enter runs the operation.</p>}
      <div className="status" data-state={status.state}>
        {words(status)}
      </div>
    </>
  );
}
