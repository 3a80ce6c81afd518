/** Writes a compressed archive and reads it again. */
import JSZip from "npm:jszip@3.10.2";

export default async function main() {
  const written = new JSZip();
  written.file("dir/a.txt", "a".repeat(1000));
  const bytes = await written.generateAsync({ type: "nodebuffer", compression: "DEFLATE" });
  const read = await JSZip.loadAsync(bytes);
  return {
    small: bytes.length < 500,
    names: Object.keys(read.files),
    length: (await read.file("dir/a.txt")?.async("string"))?.length,
  };
}
