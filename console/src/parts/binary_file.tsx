import { type Bytes, lengthOf } from "./file_content.ts";
import { formatBytes, formatCount } from "./format.ts";

/** A file that is not text. */
export function BinaryFile({ bytes }: { readonly bytes: Bytes }) {
  return (
    <p className="muted">
      This file is not text. Its size is <BinarySize bytes={bytes} />.
    </p>
  );
}

/** The size of a file, exactly on hover. */
export function BinarySize({ bytes }: { readonly bytes: Bytes }) {
  const length = lengthOf(bytes);
  return <span title={`${formatCount(length)} B`}>{formatBytes(length)}</span>;
}
