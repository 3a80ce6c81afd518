/**
 * What a volume and its versions have, each field written once. From here follow: answers, requests, OpenAPI, columns,
 * and what the command line reads. The range of `quotaBytes` is code, since zero is a value there and does not mean the
 * default; the console names volumes in one form, which needs no table.
 */
import { BY_SERVER, type Fields } from "./field.ts";

const ID = { kind: "id", unset: BY_SERVER } as const;
const COUNT = { kind: "count", min: 0, max: Infinity, unset: BY_SERVER } as const;
const BYTES = { ...COUNT, bits: 64 } as const;
const TIME = { kind: "time", unset: BY_SERVER } as const;

export const VOLUME = {
  id: ID,
  displayName: { kind: "text", max: 256, isNeeded: true, unset: BY_SERVER },
  quotaBytes: { ...BYTES, request: "Default: --max-volume" },
  usedBytes: { ...BYTES, answer: "Sizes of the files of this version" },
  fileCount: COUNT,
  version: { ...COUNT, answer: "Incremented by every commit" },
  createdAt: TIME,
  updatedAt: TIME,
} as const satisfies Fields;

export const VOLUME_VERSION = {
  version: COUNT,
  createdAt: TIME,
  invocationId: {
    kind: "id",
    answer: "The invocation that created the version",
    unset: { null: "" },
  },
  principalId: {
    kind: "id",
    answer: "The principal whose request created the version",
    unset: { null: "" },
  },
  restoredVersion: { ...COUNT, answer: "The restored version", unset: { null: "" } },
  paths: { kind: "list", answer: "The first 100 changed paths", unset: BY_SERVER },
  pathCount: { ...COUNT, answer: "Number of changed paths" },
} as const satisfies Fields;
