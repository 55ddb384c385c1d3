/** A value that components watch. Preact draws at most once an animation frame (main.tsx), however often it changes. */
import { useEffect, useReducer } from 'preact/hooks';

export class Store<T> {
  private readonly listeners = new Set<() => void>();

  constructor(private current: T) {}

  get value(): T {
    return this.current;
  }

  set(value: T): void {
    this.current = value;
    this.touch();
  }

  /** The value is the same object with other contents. */
  touch(): void {
    for (const listener of this.listeners) listener();
  }

  listen(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}

export function useStore<T>(store: Store<T>): T {
  const [, draw] = useReducer<number, void>((count) => count + 1, 0);
  useEffect(() => {
    draw(); // what changed between the first drawing and now
    return store.listen(() => draw());
  }, [store]);
  return store.value;
}
