import type { AuditEventRow, AuditFilter, AuditRange } from "../../store/audit.ts";
import type { Store } from "../../store/mod.ts";
import { invalid } from "../errors.ts";
import type { ListPage, PageQuery, Pages } from "../paging.ts";

/** Which events a caller asks for. */
interface AuditListing extends AuditFilter {
  readonly direction: "asc" | "desc";
  /** Only events after this one. */
  readonly sinceEventUid?: string | undefined;
  /** Only events up to this one. */
  readonly untilEventUid?: string | undefined;
}

/** Reads the events of the audit log. Their order is that of the chain. */
export class AuditLog {
  constructor(private readonly store: Store, private readonly pages: Pages) {}

  /**
   * A page of events, each as the JSON text that was hashed.
   * @throws INVALID_FIELD for an unknown event, INVALID_PAGE_TOKEN
   */
  async list(listing: AuditListing, query: PageQuery): Promise<ListPage<string>> {
    const page = this.pages.open(["audit", listing], query);
    const { direction, sinceEventUid, untilEventUid, ...filter } = listing;
    const range = page.after === undefined
      ? await this.#range(filter, sinceEventUid, untilEventUid)
      : rangeIn(page.after);
    if (range === undefined) return { list: [], nextPageToken: "" };
    const rows = await this.store.read.audit.find(filter, range, direction, page.size + 1);
    const shown = rows.slice(0, page.size);
    const rest = rows.length > page.size ? restOf(range, shown.at(-1), direction) : undefined;
    return {
      list: shown.map(({ event }) => event),
      nextPageToken: page.tokenFor(rest && `${rest.after}-${rest.upTo}`),
    };
  }

  /** The positions of the first page. Events that are appended later are on no later page. */
  async #range(
    { since, until }: AuditFilter,
    sinceEventUid = "",
    untilEventUid = "",
  ): Promise<AuditRange | undefined> {
    const { audit } = this.store.read;
    const after = sinceEventUid === "" ? 0 : await this.#seqOf("sinceEventUid", sinceEventUid);
    const upTo = untilEventUid === ""
      ? (await audit.head()).seq
      : await this.#seqOf("untilEventUid", untilEventUid);
    if (since === undefined && until === undefined) return { after, upTo };
    const ofTime = await audit.rangeOf({ since, until });
    return ofTime && {
      after: Math.max(after, ofTime.after),
      upTo: Math.min(upTo, ofTime.upTo),
    };
  }

  async #seqOf(field: string, uid: string): Promise<number> {
    const seq = await this.store.read.audit.seqOf(uid);
    if (seq !== undefined) return seq;
    const description = `no event has the uid ${JSON.stringify(uid)}; retention may have erased it`;
    throw invalid({ field, description });
  }
}

/** What is left of a range after an event. */
function restOf(
  { after, upTo }: AuditRange,
  last: AuditEventRow | undefined,
  direction: "asc" | "desc",
): AuditRange | undefined {
  if (last === undefined) return undefined;
  return direction === "asc" ? { after: last.seq, upTo } : { after, upTo: last.seq - 1 };
}

/** The range that a page token holds. */
function rangeIn(text: string): AuditRange {
  const [after = 0, upTo = 0] = text.split("-").map(Number);
  return { after, upTo };
}
