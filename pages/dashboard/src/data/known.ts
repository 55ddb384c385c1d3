/** The objects that this visit has shown, for finding them by the tail of their id or by their name. */
export interface Known {
  id: string;
  name: string;
}

const MOST = 2_000;
const objects = new Map<string, string>();

export function know(id: string, name: string): void {
  objects.delete(id);
  objects.set(id, name);
  if (objects.size > MOST) objects.delete(objects.keys().next().value!);
}

/** Returns the newest objects whose id ends with the text, or whose name has it. */
export function find(text: string, most: number): Known[] {
  const wanted = text.toLowerCase();
  const found: Known[] = [];
  for (const [id, name] of [...objects].reverse()) {
    if (id.endsWith(wanted) || name.toLowerCase().includes(wanted)) found.push({ id, name });
    if (found.length === most) break;
  }
  return found;
}
