import { expect, test } from 'vitest';
import { manyOf } from './file';

const UTF8 = new TextEncoder();
const utf16 = (text: string, isBig: boolean) => {
  const bytes = new DataView(new ArrayBuffer(text.length * 2));
  for (let at = 0; at < text.length; at++) bytes.setUint16(at * 2, text.charCodeAt(at), !isBig);
  return new Uint8Array(bytes.buffer);
};
const read = (...bytes: BlobPart[]) => manyOf(new File(bytes, 'a.txt'));

test('the text of a file is UTF-8, or UTF-16 with a byte order mark', async () => {
  const text = 'שלום, 😀\nnaïve';
  const many = { text, format: 'lines', file: 'a.txt' };
  expect(await read(text)).toEqual(many);
  expect(await read('\uFEFF', text)).toEqual(many);
  expect(await read(utf16(`\uFEFF${text}`, false))).toEqual(many);
  expect(await read(utf16(`\uFEFF${text}`, true))).toEqual(many);
  expect(await read()).toEqual({ ...many, text: '' });
});

test('other bytes are refused', async () => {
  await expect(read(new Uint8Array([0x6e, 0x61, 0xef, 0x76, 0x65]))).rejects.toThrow('a.txt is not UTF-8.');
  await expect(read(UTF8.encode('naïve').slice(0, 3))).rejects.toThrow('a.txt is not UTF-8.');
  await expect(read(new Uint8Array([0xff, 0xfe, 0x61]))).rejects.toThrow('a.txt is not UTF-16.');
});

test('a file has a known end of its name, a most of bytes, and can be read', async () => {
  expect(await manyOf(new File(['text\na'], 'a.csv'))).toEqual({ text: 'text\na', format: 'csv', file: 'a.csv' });
  await expect(manyOf(new File(['a'], 'a.pdf'))).rejects.toThrow('a.pdf is no .txt, .csv or .jsonl file.');
  const large = Object.defineProperty(new File([], 'a.txt'), 'size', { value: 50_000_001 });
  await expect(manyOf(large)).rejects.toThrow('a.txt has more than 50 MB.');
  const lost = Object.defineProperty(new File([], 'a.txt'), 'arrayBuffer', { value: () => Promise.reject(new Error('It is gone.')) });
  await expect(manyOf(lost)).rejects.toThrow('a.txt could not be read. It is gone.');
});
