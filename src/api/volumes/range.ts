import { countOf } from "../../config/mod.ts";
import { DomainError } from "../../domain/errors.ts";

/** A part of a file, in bytes; `end` is exclusive. */
export interface Part {
  readonly start: number;
  readonly end: number;
}

/**
 * Parses a Range header (RFC 9110, section 14.2). Undefined means the whole file; a header that is malformed or asks
 * for several parts is ignored, as the RFC allows.
 * @param size of the file, in bytes
 * @throws RANGE_NOT_SATISFIABLE where the range begins behind the end
 */
export function readRange(header: string | undefined, size: number): Part | undefined {
  const [, first = "", last = ""] = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? "") ?? [];
  if (first === "" && last === "") return undefined;
  if (first === "") {
    const length = Math.min(Number(last), size);
    if (length === 0) throw unsatisfiable(size);
    return { start: size - length, end: size };
  }
  const start = Number(first);
  const end = last === "" ? size : Math.min(Number(last) + 1, size);
  if (last !== "" && Number(last) < start) return undefined;
  if (start >= size) throw unsatisfiable(size);
  return { start, end };
}

function unsatisfiable(size: number): DomainError {
  return new DomainError(
    "RANGE_NOT_SATISFIABLE",
    `Range not satisfiable: the file has ${countOf(size, "byte")}`,
  );
}
