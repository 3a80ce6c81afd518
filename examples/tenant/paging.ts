/** Pages of lists. A token names the last item of its page, so a page is correct after new items at the beginning. */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { invalidField } from "./errors.ts";

const PAGE_SIZE_DEFAULT = 25;
const PAGE_SIZE_MIN = 10;
const PAGE_SIZE_MAX = 100;

/** What a request says about its page. */
export interface PageRequest {
  /** Missing or 0 for the default; C1 raises values below 10. */
  readonly pageSize: unknown;
  readonly pageToken: unknown;
}

/** A page, with an empty token if it is the last. */
export interface Page<Row> {
  readonly list: readonly Row[];
  readonly nextPageToken: string;
}

/**
 * A page of rows.
 * @param selection everything that selects the rows; a token is valid for its selection alone
 * @throws {TenantStatus} for a size that is no integer from 0 to 2^31 - 1, and for a token of another list
 */
export function pageOf<Row extends { readonly id: string }>(
  rows: readonly Row[],
  { pageSize, pageToken }: PageRequest,
  selection: unknown,
): Page<Row> {
  const size = sizeOf(pageSize);
  const digest = createHash("sha256").update(JSON.stringify(selection)).digest("base64url");
  const start = startOf(rows, pageToken, digest);
  const list = rows.slice(start, start + size);
  const last = list.at(-1);
  const isLast = last === undefined || start + size >= rows.length;
  return { list, nextPageToken: isLast ? "" : tokenOf(last.id, digest) };
}

function sizeOf(value: unknown): number {
  const size = typeof value === "string" && /^-?\d{1,10}$/.test(value) ? Number(value) : value ?? 0;
  if (typeof size !== "number" || !Number.isInteger(size) || size < 0 || size >= 2 ** 31) {
    throw invalidField("pageSize", `${JSON.stringify(value)} is not an integer from 0 to 100`);
  }
  return size === 0 ? PAGE_SIZE_DEFAULT : Math.min(Math.max(size, PAGE_SIZE_MIN), PAGE_SIZE_MAX);
}

function startOf(
  rows: readonly { readonly id: string }[],
  token: unknown,
  digest: string,
): number {
  if (token === undefined || token === null || token === "") return 0;
  const after = typeof token === "string"
    ? rows.findIndex(({ id }) => tokenOf(id, digest) === token)
    : -1;
  if (after < 0) throw invalidField("pageToken", "it is not the nextPageToken of this list");
  return after + 1;
}

function tokenOf(id: string, digest: string): string {
  return Buffer.from(`${id} ${digest}`).toString("base64url");
}
