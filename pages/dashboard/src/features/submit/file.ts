/** Reading a file of items, in the browser alone. */
import type { Draft } from './draft';
import { formatOf } from './items';

/** The form takes texts that the browser can hold twice. */
const MOST_BYTES = 50_000_000;

/** Returns the text of UTF-8, or of UTF-16 with a byte order mark. Other bytes would become wrong characters in silence. */
function decoded(bytes: Uint8Array, name: string): string {
  const [first, second] = bytes;
  const end = first === 0xff && second === 0xfe ? 'le' : first === 0xfe && second === 0xff ? 'be' : null;
  try {
    return new TextDecoder(end ? `utf-16${end}` : 'utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new Error(`${name} is not ${end ? 'UTF-16' : 'UTF-8'}.`);
  }
}

/** Returns the input of a file. Throws an error with the reason that the form does not take it. */
export async function manyOf(file: File): Promise<Draft['many']> {
  const { name } = file;
  const format = formatOf(name);
  if (!format) throw new Error(`${name} is no .txt, .csv or .jsonl file.`);
  if (file.size > MOST_BYTES) throw new Error(`${name} has more than ${MOST_BYTES / 1e6} MB. The command server.py submit takes larger files.`);
  const bytes = await file.arrayBuffer().catch((error: Error) => {
    throw new Error(`${name} could not be read. ${error.message}`);
  });
  return { text: decoded(new Uint8Array(bytes), name), format, file: name };
}
