import type { EntityTags, Preconditions } from "../../domain/volumes/preconditions.ts";
import { DomainError, invalid } from "../../domain/errors.ts";

/** The conditions of a request (RFC 9110, section 13.1). Weak tags are compared as strong ones: all of ours are strong. */
export function readPreconditions(header: (name: string) => string | undefined): Preconditions {
  return {
    ifMatch: readTags("If-Match", header("if-match")),
    ifNoneMatch: readTags("If-None-Match", header("if-none-match")),
  };
}

/** @throws INVALID_FIELD */
function readTags(field: string, text: string | undefined): EntityTags | undefined {
  if (text === undefined) return undefined;
  if (text.trim() === "*") return "*";
  const tags = text.split(",").map((part) => /^(?:W\/)?"([^"]*)"$/.exec(part.trim())?.[1]);
  const known = tags.filter((tag) => tag !== undefined);
  if (known.length < tags.length) {
    throw invalid({ field, description: 'must be * or entity tags in quotes, such as "abc"' });
  }
  return known;
}

/** A part of a file; `end` is exclusive. */
export interface Part {
  readonly start: number;
  readonly end: number;
}

/**
 * The part that a Range header asks for (RFC 9110, section 14.2); undefined for the whole, also where the header
 * is malformed or asks for several parts: a server may ignore those. @throws RANGE_NOT_SATISFIABLE
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
  return new DomainError("RANGE_NOT_SATISFIABLE", `The range is not in the file's ${size} bytes`);
}
