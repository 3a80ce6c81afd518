/** What the search thread is asked. A module of its own, so that the thread loads nothing of the server's side. */
import type { RowFilter } from "../../dialect.ts";

/** The request for a pass of the index. */
export const INDEX_PASS = "index";
export type SearchRequest = RowFilter | typeof INDEX_PASS;
