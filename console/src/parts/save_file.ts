/** How long the browser may take to begin a download, in ms. */
const DOWNLOAD_START = 60_000;

/** Lets the browser save a content under a name, as a download. */
export function saveFile(content: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), DOWNLOAD_START);
}
