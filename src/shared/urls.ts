/** Whether a text begins as a URL does, with a scheme and `//`. */
export function isUrl(text: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(text);
}
