/** Small choices, kept in this browser. A browser without storage for the page forgets them with the page. */
import { Store } from './store';

/** Returns the kept value, unless there is none, or another version of the page or another program wrote it. */
function read<T>(name: string, check: (value: unknown) => value is T, otherwise: T): T {
  try {
    const value: unknown = JSON.parse(localStorage.getItem(name) ?? 'null');
    return check(value) ? value : otherwise;
  } catch {
    return otherwise;
  }
}

/** A choice by its name in the storage, shared by all tabs. */
export class Kept<T> extends Store<T> {
  /** Whether the storage has the choice: it may be full. */
  private isStored = true;

  constructor(
    private readonly name: string,
    private readonly otherwise: T,
    private readonly check: (value: unknown) => value is T,
  ) {
    super(read(name, check, otherwise));
    addEventListener('storage', ({ key }) => {
      if (key === name || key === null) super.set(this.stored());
    });
  }

  private stored(): T {
    return read(this.name, this.check, this.otherwise);
  }

  /** Changes the choice as it is now: another tab may have changed it. */
  change(next: (value: T) => T): void {
    this.set(next(this.isStored ? this.stored() : this.value));
  }

  override set(value: T): void {
    super.set(value);
    try {
      localStorage.setItem(this.name, JSON.stringify(value));
      this.isStored = true;
    } catch {
      this.isStored = false; // The page still has the choice.
    }
  }
}
