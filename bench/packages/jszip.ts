/** Writes an archive, and reads it. */
import JSZip from "npm:jszip@3.10.2";

export default async () => {
  const zip = new JSZip();
  zip.file("Hello.txt", "Hello World\n");
  const copy = await JSZip.loadAsync(await zip.generateAsync({ type: "uint8array" }));
  return { text: await copy.file("Hello.txt").async("string") };
};
