/** Names of the schema as words: `TIMED_OUT` is "timed out". */
export const words = (name: string) => name.toLowerCase().replaceAll('_', ' ');

export const sentence = (name: string) => {
  const text = words(name);
  return text.charAt(0).toUpperCase() + text.slice(1);
};

/** Returns the first characters of a text as one line. */
export function clip(text: string, length: number): string {
  const line = text.slice(0, length * 4).replace(/\s+/g, ' ').trim();
  return line.length > length ? `${line.slice(0, length)}…` : line;
}
