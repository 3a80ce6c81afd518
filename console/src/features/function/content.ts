import { decodeBytes, encodeBytes } from "../../api/base64.ts";
import type { FileContent, FileContents } from "../../parts/file_content.ts";

const decoder = new TextDecoder("utf-8", { fatal: true });

/** The text of a file's base64 content; undefined for bytes that are not UTF-8. */
export function textOf(base64: string): string | undefined {
  try {
    return decoder.decode(decodeBytes(base64));
  } catch {
    return undefined;
  }
}

const decoded = new WeakMap<Readonly<Record<string, string>>, FileContents>();

/** Files by their paths, from their base64 contents; of the same object the same files. */
export function contentsOf(files: Readonly<Record<string, string>>): FileContents {
  const known = decoded.get(files);
  if (known !== undefined) return known;
  const contents = Object.fromEntries(
    Object.entries(files).map(([path, base64]) => [path, textOf(base64) ?? { base64 }]),
  );
  decoded.set(files, contents);
  return contents;
}

const encoder = new TextEncoder();

export function bytesOf(content: FileContent): Uint8Array<ArrayBuffer> {
  return typeof content === "string" ? encoder.encode(content) : decodeBytes(content.base64);
}

/** The content of a file of the reader's disk. */
export async function contentOf(file: File): Promise<FileContent> {
  const base64 = encodeBytes(new Uint8Array(await file.arrayBuffer()));
  return textOf(base64) ?? { base64 };
}
