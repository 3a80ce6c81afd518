import { createHash } from "node:crypto";
import type { Page, PageRequest } from "../store/paging.ts";
import { DomainError } from "./errors.ts";
import { SignedTokens } from "./signed_tokens.ts";

const PAGE_SIZE_DEFAULT = 25;
const PAGE_SIZE_MIN = 10;
const PAGE_SIZE_MAX = 100;

/** The page that a caller requests. */
export interface PageQuery {
  readonly pageSize?: number | undefined;
  readonly pageToken?: string | undefined;
}

/** One page of a list as the API answers it; the token is empty on the last page. */
export interface ListPage<Item> {
  readonly list: Item[];
  readonly nextPageToken: string;
}

interface PagePosition {
  /** Fingerprint of the list and of everything that selects its rows. */
  readonly list: string;
  readonly after: string;
}

/** Turns positions in lists into page tokens and back. A token is valid for its own list only. */
export class Pages {
  readonly #tokens: SignedTokens<PagePosition>;

  constructor(key: Uint8Array) {
    this.#tokens = new SignedTokens(key);
  }

  /**
   * @param list identifies the list: its name, its parent and every filter
   * @throws INVALID_PAGE_TOKEN
   */
  open(list: readonly unknown[], query: PageQuery): OpenPage {
    const fingerprint = createHash("sha256").update(JSON.stringify(list)).digest("base64url");
    let after: string | undefined;
    if (query.pageToken !== undefined && query.pageToken !== "") {
      const position = this.#tokens.open(query.pageToken);
      if (position?.list !== fingerprint) {
        throw new DomainError(
          "INVALID_PAGE_TOKEN",
          "Invalid pageToken: it was not issued for this list",
          {
            violations: [{
              field: "pageToken",
              description: "must be the nextPageToken of this same list",
            }],
          },
        );
      }
      after = position.after;
    }
    const tokenFor = (next: string | undefined) =>
      next === undefined ? "" : this.#tokens.issue({ list: fingerprint, after: next });
    return {
      size: pageSize(query.pageSize),
      after,
      tokenFor,
      of: ({ rows, next }) => ({ list: rows, nextPageToken: tokenFor(next) }),
    };
  }
}

/** A page request for the store, and the token of the next page. */
interface OpenPage extends PageRequest {
  tokenFor(next: string | undefined): string;
  /** The page of the rows that the store has found. */
  of<Row>(found: Page<Row>): ListPage<Row>;
}

function pageSize(asked: number | undefined): number {
  if (asked === undefined || asked === 0) return PAGE_SIZE_DEFAULT;
  return Math.min(Math.max(asked, PAGE_SIZE_MIN), PAGE_SIZE_MAX);
}
