/**
 * A name without its case and the form of its letters: file systems of macOS and Windows take two names with the same key
 * for one file.
 */
export function nameKey(name: string): string {
  // Only some letters without a capital of their own, such as the long s, have that of another letter.
  return name.normalize("NFD").toUpperCase().toLowerCase().normalize("NFC");
}
