/** Writes an archive with one file. */
import { ZipArchive } from "npm:archiver@8.0.0";

export default async () => {
  const archive = new ZipArchive({ zlib: { level: 9 } });
  archive.append("string cheese!", { name: "file.txt" });
  archive.finalize();
  const chunks = [];
  for await (const chunk of archive) chunks.push(chunk);
  return { begins: Buffer.concat(chunks).toString("latin1", 0, 2) };
};
