/** Tags in an address: `tag=english,late train`. A comma inside a tag is `%2C`, so that a link to each tag is possible. */

/** The most tags and characters of a tag that the server takes. */
const MOST_TAGS = 10;
const MOST_CHARACTERS = 200;

/** Returns the parameter for one tag. */
export const tagParameter = (tag: string) => tag.replaceAll('%', '%25').replaceAll(',', '%2C');

/** Returns the tags of a parameter: the server refuses more, and a refused list shows nothing. */
export function tagsOf(parameter: string | undefined): string[] {
  const tags = (parameter ?? '').replaceAll('\0', '').split(',').map((each) => each.trim().replaceAll('%2C', ',').replaceAll('%25', '%'));
  return [...new Set(tags)].filter((tag) => tag && [...tag].length <= MOST_CHARACTERS).slice(0, MOST_TAGS);
}
