/** A value that components watch. Preact draws at most once per animation frame (main.tsx), for any number of changes. */
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

  /** Notifies the listeners after a change inside the value. */
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
    draw(); // for changes since the first drawing
    return store.listen(() => draw());
  }, [store]);
  return store.value;
}
