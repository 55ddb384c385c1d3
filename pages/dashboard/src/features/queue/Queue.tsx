/** The queue: pauses and limits, its course, workers, health and storage. */
import { useEffect } from 'preact/hooks';
import { readQueue } from '../../data/figures';
import { useQueryState } from '../../data/lists';
import { follow, startAt } from '../../data/log';
import { rangeOf } from '../../data/range';
import { PageHead } from '../../ui/PageHead';
import { RangeTabs } from '../../ui/RangeTabs';
import { Controls } from './Controls';
import { Depths, Latencies } from './Depths';
import { HealthDetails, Storage } from './Health';
import { Levels } from './Levels';
import './queue.css';
import { Workers } from './Workers';

/** Follows pauses and limits of others. */
function useQueueEvents(): void {
  useEffect(() => {
    let isMounted = true;
    const begin = async () => {
      const end = await readQueue();
      if (end && isMounted) startAt(end);
    };
    const forget = follow({ types: ['QUEUE_CHANGED'], take: () => void readQueue(), restarted: () => void begin() });
    void begin();
    return () => {
      isMounted = false;
      forget();
    };
  }, []);
}

export default function Page() {
  const query = useQueryState();
  useQueueEvents();
  return (
    <>
      <PageHead title="Queue">
        <RangeTabs path="queue" query={query} />
      </PageHead>
      <div class="halves">
        <div class="stack">
          <Controls />
          <Workers />
          <Levels range={rangeOf(query)} />
        </div>
        <div class="stack">
          <Depths />
          <HealthDetails />
          <Storage />
          <Latencies />
        </div>
      </div>
    </>
  );
}
