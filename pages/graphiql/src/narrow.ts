/** Whether the window is too narrow for panels beside the editor, as in style.css. */
export function isNarrow(): boolean {
  return matchMedia('(width < 900px)').matches;
}
