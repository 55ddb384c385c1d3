/** Checks of values that the page reads and has not just written. */
export const isText = (value: unknown): value is string => typeof value === 'string';

export const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

export const isList = <T>(value: unknown, check: (each: unknown) => each is T): value is T[] => Array.isArray(value) && value.every(check);

export const isTexts = (value: unknown): value is string[] => isList(value, isText);
