/** Time by the server's clock, because the viewer's clock may be wrong by hours. */
import { Store } from './store';

let offset = 0;

/** Ticks once a second, for displays of elapsed time. */
export const tick = new Store(0);
setInterval(() => tick.set(tick.value + 1), 1000);

/** Sets the server's clock from a timestamp that has just arrived. */
export function heard(timestamp: string): void {
  offset = Date.parse(timestamp) - Date.now();
}

/** Returns milliseconds since the epoch by the server's clock. */
export function now(): number {
  return Date.now() + offset;
}

const TIME = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });
const SHORT = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
const DAY = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' });
const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium', hourCycle: 'h23' });

export const clockTime = (at: number | string) => TIME.format(new Date(at));
export const shortTime = (at: number | string) => SHORT.format(new Date(at));
export const dayOf = (at: number) => DAY.format(new Date(at));
export const fullTime = (at: string) => FULL.format(new Date(at));

export function ago(at: string): string {
  const seconds = Math.max(0, (now() - Date.parse(at)) / 1000);
  return seconds < 2 ? 'just now' : `${duration(Math.floor(seconds))} ago`;
}

/** The elapsed time in one unit, for lists: "now", "9 s ago", "4 min ago", "3 h ago". */
export function elapsed(at: string): string {
  const seconds = Math.floor((now() - Date.parse(at)) / 1000);
  if (seconds < 2) return 'now';
  if (seconds < 60) return `${seconds} s ago`;
  return seconds < 3600 ? `${Math.floor(seconds / 60)} min ago` : `${Math.floor(seconds / 3600)} h ago`;
}

/** Formats a duration with at most two units: "4 s", "2 min 5 s", "5 min", "3 h 12 min", "2 d 3 h". */
export function duration(seconds: number): string {
  if (seconds < 1) return seconds <= 0 ? '0 s' : seconds < 0.1 ? `${Math.max(1, Math.round(seconds * 1000))} ms` : `${seconds.toFixed(1)} s`;
  if (seconds < 9.95) return `${seconds.toFixed(Number.isInteger(seconds) ? 0 : 1)} s`.replace('.0 s', ' s');
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 600) return whole % 60 ? `${Math.floor(whole / 60)} min ${whole % 60} s` : `${whole / 60} min`;
  const minutes = Math.round(whole / 60);
  if (minutes < 60) return `${minutes} min`;
  if (minutes < 24 * 60) return minutes % 60 ? `${Math.floor(minutes / 60)} h ${minutes % 60} min` : `${minutes / 60} h`;
  return `${Math.floor(minutes / 1440)} d ${Math.floor((minutes % 1440) / 60)} h`;
}

export function milliseconds(value: number | null): string {
  if (value === null) return '–';
  if (value < 1) return `${value.toFixed(value === 0 ? 0 : 2)} ms`;
  if (value < 10) return `${value.toFixed(1)} ms`;
  return value < 1000 ? `${Math.round(value)} ms` : duration(value / 1000);
}

const WHOLE = new Intl.NumberFormat('en');
export const count = (value: number) => WHOLE.format(value);

/** Formats a rate with at least two digits. */
export const rate = (value: number) => {
  if (value <= 0) return '0';
  return value < 0.995 ? value.toFixed(2) : value < 9.95 ? value.toFixed(1) : WHOLE.format(Math.round(value));
};

export const plural = (value: number, word: string) => `${count(value)} ${word}${value === 1 ? '' : 's'}`;

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

/** Formats a number of bytes, by units of 1,000. */
export function bytes(value: number): string {
  const power = Math.min(UNITS.length - 1, value < 1000 ? 0 : Math.floor(Math.log10(value) / 3));
  const scaled = value / 1000 ** power;
  return `${power && scaled < 9.95 ? scaled.toFixed(1) : WHOLE.format(Math.round(scaled))} ${UNITS[power]}`;
}

/** Formats a share of 0 to 1, with a digit below 10 %; a share that exists is never 0 %. */
export function percent(share: number): string {
  const value = share * 100;
  if (value > 0 && value < 0.1) return 'under 0.1 %';
  return `${value > 0 && value < 9.95 ? value.toFixed(1) : Math.round(value)} %`;
}
