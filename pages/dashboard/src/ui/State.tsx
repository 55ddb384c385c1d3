/** A status: an icon and a word, so that its color is never alone. */
import { Icon, type IconName } from './Icon';
import { sentence } from './words';

const ICONS: Record<string, IconName> = {
  QUEUED: 'ring',
  RUNNING: 'arc',
  STARTED: 'arc',
  PROGRESS: 'arc',
  COMPLETED: 'check',
  FAILED: 'cross',
  CANCELED: 'slash',
  TIMED_OUT: 'clock',
  RETRYING: 'clock',
  STOPPED: 'slash',
  ALERT: 'warning',
  HEALTHY: 'check',
  DEGRADED: 'warning',
  UNHEALTHY: 'cross',
};

/** `words`: other words than those of the status. */
export function State({ of, words }: { of: string; words?: string }) {
  return (
    <span class="state" data-status={of}>
      <Icon name={ICONS[of] ?? 'ring'} />
      {words ?? sentence(of)}
    </span>
  );
}
