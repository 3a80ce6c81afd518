/**
 * What a volume and its versions have, each field written once. From here follow: answers, requests, OpenAPI, columns.
 * The range of `quotaBytes` is code, because zero is a value there and does not mean the default. The command line
 * and the console each ask for them once, so their words stay there.
 */
import { BY_SERVER, type Fields, NONE, SERVER_ID, SERVER_TIME } from "./field.ts";

const COUNT = { kind: "count", min: 0, max: Infinity, unset: BY_SERVER } as const;
const BYTES = { ...COUNT, bits: 64 } as const;

export const VOLUME = {
  id: SERVER_ID,
  displayName: { kind: "text", max: 256, unset: BY_SERVER },
  quotaBytes: { ...BYTES, request: "Default: --max-volume" },
  usedBytes: { ...BYTES, answer: "Sizes of the files of this version" },
  fileCount: COUNT,
  version: { ...COUNT, answer: "Incremented by every commit" },
  createdAt: SERVER_TIME,
  updatedAt: SERVER_TIME,
} as const satisfies Fields;

export const VOLUME_VERSION = {
  version: COUNT,
  createdAt: SERVER_TIME,
  invocationId: { kind: "id", answer: "The invocation that created the version", unset: NONE },
  principalId: {
    kind: "id",
    answer: "The principal whose request created the version",
    unset: NONE,
  },
  restoredVersion: { ...COUNT, answer: "The restored version", unset: NONE },
  paths: { kind: "list", answer: "The first 100 changed paths", unset: BY_SERVER },
  pathCount: { ...COUNT, answer: "Number of changed paths" },
} as const satisfies Fields;
